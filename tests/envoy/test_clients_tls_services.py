"""Services behind TLS: gRPC by its own client with a client certificate, WebSocket, a private CA all along."""

from collections.abc import Iterator

import grpc
import pytest
from websockets.sync.client import connect

from tests.dataplane.certificates import Issued
from tests.envoy.clients_tls import CLIENTS, NAMES, SERVERS, STRANGERS, Place
from tests.envoy.gateway import Gateway, running
from tests.envoy.test_services import ECHO, grpc_server, socket_server


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("services"))


@pytest.fixture(scope="module")
def gateway(place: Place) -> Iterator[Gateway]:
    place.put_server(SERVERS.issue("first", *NAMES))
    with grpc_server() as rpc, socket_server() as sockets:
        config = {
            "services": {"rpc": {"endpoints": [rpc], "http2": True}, "sockets": {"endpoints": [sockets]}},
            "routes": [
                {"match": {"path": "/test.Echo/*"}, "service": "rpc"},
                {"match": {"path": "/socket"}, "service": "sockets"},
            ],
            "listen": place.listen(clients=CLIENTS),
        }
        with running(config) as made:
            yield made


def said(gateway: Gateway, shown: Issued | None) -> bytes:
    pair = (shown.key, shown.certificate) if shown is not None else (None, None)
    credentials = grpc.ssl_channel_credentials(SERVERS.certificate, *pair)
    with grpc.secure_channel(f"127.0.0.1:{gateway.port}", credentials) as channel:
        return bytes(channel.unary_unary(ECHO)(b"hello", timeout=10))


def test_grpc_passes_for_whom_the_ca_knows(gateway: Gateway) -> None:
    assert said(gateway, CLIENTS.issue("client")) == b"HELLO"
    for shown in (None, STRANGERS.issue("client")):
        with pytest.raises(grpc.RpcError) as raised:
            said(gateway, shown)
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_socket_passes(gateway: Gateway, place: Place) -> None:
    context = place.client(CLIENTS.issue("client"))
    with connect(f"wss://127.0.0.1:{gateway.port}/socket", ssl=context, proxy=None) as socket:
        socket.send("hello")
        assert socket.recv(timeout=10) == "hello"
