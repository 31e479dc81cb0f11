"""Realtime through a real Envoy with a real WebSocket client: who is spoken to, as whom, and how it ends."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from extproc import names
from tests.dataplane.certificates import Ca
from tests.envoy.front import offering_both
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually, is_alive
from tests.envoy.sockets import Sockets, sockets
from tests.envoy.upstream import Upstream, always, scripted, whole

LAB = "Bearer sk-lab"
KEY = {"authorization": "Bearer gw-key"}


@pytest.fixture(scope="module")
def server() -> Iterator[Sockets]:
    with sockets() as server:
        yield server


@pytest.fixture(scope="module")
def refusing() -> Iterator[Upstream]:
    error = b'{"error":{"message":"no","type":"x","param":null,"code":"invalid_api_key"}}'
    with scripted(always(whole(error, 401))) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(server: Sockets, refusing: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    ca = Ca()
    authorities = tmp_path_factory.mktemp("ca") / "ca.pem"
    authorities.write_bytes(ca.certificate)
    with offering_both(server.port, ca) as front:
        config = {
            "providers": {
                "lab": {
                    "dialect": "openai",
                    "base_url": f"{server.origin}/base/v1",
                    "credential": "sk-lab",
                    "headers": {"x-plan": "basic"},
                    "models": ["gpt-realtime", {"name": "short", "upstream": "a-very-long-name"}],
                },
                "secure": {
                    "dialect": "openai",
                    "base_url": f"https://127.0.0.1:{front}/v1",
                    "credential": "sk-secure",
                    "models": ["far"],
                    "tls": {"ca": str(authorities)},
                },
                "azure": {
                    "dialect": "azure_openai",
                    "base_url": server.origin,
                    "api_version": "2025-04-01-preview",
                    "credential": "azure-key",
                    "models": {"az": "dep"},
                },
                "refusing": {
                    "dialect": "openai",
                    "base_url": f"{refusing.origin}/v1",
                    "credential": "k",
                    "models": ["no"],
                },
                "claude": {"dialect": "anthropic", "base_url": server.origin, "credential": "k", "models": ["c"]},
            },
            "aliases": {"voice": ["lab/short", "secure/far"]},
            "callers": [
                {"name": "ci", "key": "gw-key"},
                {"name": "few", "key": "gw-few", "models": ["gpt-realtime"]},
            ],
            "routes": [{"match": {"path_prefix": "/v1/realtime", "headers": {"x-fixed": "1"}}, "provider": "lab"}, {}],
        }
        with running(config) as gateway:
            yield gateway


@pytest.fixture(autouse=True)
def nothing_seen(server: Sockets) -> None:
    server.handshakes.clear()
    server.closed_with.clear()


def opened(gateway: Gateway, path: str, headers: dict[str, str] = KEY, **more: Any) -> ClientConnection:
    address = f"ws://127.0.0.1:{gateway.port}{path}"
    return connect(address, additional_headers=headers, proxy=None, open_timeout=10, max_size=None, **more)


def refused(gateway: Gateway, path: str, headers: dict[str, str] = KEY) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as found:
        opened(gateway, path, headers).close()
    response = found.value.response
    return response.status_code, json.loads(response.body)["error"]


@pytest.mark.parametrize(
    ("path", "target", "upstream", "credential"),
    [
        (
            "/v1/realtime?model=gpt-realtime",
            "lab/gpt-realtime",
            "/base/v1/realtime?model=gpt-realtime",
            "Bearer sk-lab",
        ),
        ("/realtime?model=short&a=%31", "lab/short", "/base/v1/realtime?model=a-very-long-name&a=%31", LAB),
        ("/v1/realtime?model=voice", "lab/short", "/base/v1/realtime?model=a-very-long-name", LAB),
        ("/v1/realtime?model=secure/far", "secure/far", "/v1/realtime?model=far", "Bearer sk-secure"),
        ("/v1/realtime?provider=secure&model=voice", "secure/far", "/v1/realtime?model=far", "Bearer sk-secure"),
        ("/v1/realtime?provider=lab&call_id=7", "lab/realtime", "/base/v1/realtime?call_id=7", LAB),
        (
            "/v1/realtime?model=az",
            "azure/az",
            "/openai/realtime?api-version=2025-04-01-preview&deployment=dep",
            None,
        ),
    ],
)
def test_it_goes_to_one_provider_with_that_ones_name_of_the_model(
    gateway: Gateway, server: Sockets, path: str, target: str, upstream: str, credential: str | None
) -> None:
    with opened(gateway, path) as connection:
        connection.send("hello")
        assert connection.recv(timeout=10) == "hello"
        assert connection.response is not None and connection.response.headers[names.TARGET] == target
    (handshake,) = server.handshakes
    assert handshake.path == upstream and handshake.headers.get("authorization") == credential
    assert handshake.headers.get("api-key") == ("azure-key" if credential is None else None)
    assert "gw-key" not in str(handshake)
    assert handshake.headers.get("x-plan") == ("basic" if target.startswith("lab/") else None)


def test_a_provider_by_header_and_by_the_route(gateway: Gateway, server: Sockets) -> None:
    with opened(gateway, "/v1/realtime", {**KEY, names.PROVIDER: "secure"}):
        pass
    with opened(gateway, "/v1/realtime?intent=transcription", {**KEY, "x-fixed": "1"}):
        pass
    assert [one.path for one in server.handshakes] == ["/v1/realtime", "/base/v1/realtime?intent=transcription"]


def test_a_browser_shows_its_key_as_a_subprotocol(gateway: Gateway, server: Sockets) -> None:
    offered = ["realtime", "openai-insecure-api-key.gw-key", "openai-organization.theirs", "openai-beta.realtime-v1"]
    subprotocols = [Subprotocol(one) for one in offered]
    with opened(gateway, "/v1/realtime?model=gpt-realtime", {}, subprotocols=subprotocols) as connection:
        assert connection.subprotocol == "realtime"
        connection.send(b"\x00\xff")
        assert connection.recv(timeout=10) == b"\x00\xff"
    (handshake,) = server.handshakes
    assert handshake.headers["sec-websocket-protocol"] == "realtime, openai-beta.realtime-v1"
    assert handshake.headers["authorization"] == "Bearer sk-lab"
    assert "gw-key" not in str(handshake) and "theirs" not in str(handshake)
    assert "gw-key" not in gateway.out.text() + gateway.err.text()


def test_who_may_not_is_told_so_at_the_handshake(gateway: Gateway, server: Sockets) -> None:
    status, error = refused(gateway, "/v1/realtime?model=voice", {})
    assert (status, error["code"]) == (401, "invalid_api_key")
    status, error = refused(gateway, "/v1/realtime?model=voice", {"authorization": "Bearer gw-few"})
    assert (status, error["code"]) == (403, "model_not_allowed")
    status, error = refused(gateway, "/v1/realtime")
    assert (status, error["code"]) == (404, "unknown_endpoint")
    assert "Name one of lab, secure, azure, refusing by the header x-extproc-provider or ?provider=" in error["message"]
    status, error = refused(gateway, "/v1/realtime?model=c")
    assert (status, error["code"]) == (404, "unknown_endpoint") and "claude (anthropic)" in error["message"]
    assert server.handshakes == []


def test_a_provider_that_refuses_our_key_is_no_no_to_the_callers(gateway: Gateway) -> None:
    status, error = refused(gateway, "/v1/realtime?model=no")
    assert (status, error["code"]) == (502, "upstream_auth")


def test_large_messages_pass_both_ways_and_so_do_close_codes(gateway: Gateway, server: Sockets) -> None:
    with opened(gateway, "/v1/realtime?model=gpt-realtime") as connection:
        for message in ("x" * 3_000_000, b"\x01" * 2_000_000, ""):
            connection.send(message)
            assert connection.recv(timeout=20) == message
        connection.send("close 4001 enough")
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=10)
        assert (connection.close_code, connection.close_reason) == (4001, "enough")
    with opened(gateway, "/v1/realtime?model=gpt-realtime") as connection:
        connection.close(4002, "mine")
    eventually(lambda: (4002, "mine") in server.closed_with, "the caller's code", 10)


def test_it_is_told_once_when_it_has_ended_and_counts_as_no_failure(gateway: Gateway) -> None:
    """However it ends; Envoy calls each end a reset, and five of those would shut a target."""
    ids = []
    for end in ("", "close 1000 done", "close 1011 broken") * 3:
        with opened(gateway, "/v1/realtime?model=gpt-realtime") as connection:
            assert connection.response is not None
            ids.append(connection.response.headers[names.REQUEST_ID])
            if end:
                connection.send(end)
                with pytest.raises(ConnectionClosed):
                    connection.recv(timeout=10)
    for one in ids:
        line = gateway.decision(one)
        assert (line["endpoint"], line["status"], line["target"]) == ("realtime", 101, "lab/gpt-realtime")
        assert not line.get("client_left") and not line.get("cut") and "usage" not in line and "cost" not in line
    assert gateway.metric("extproc_attempts_total", model="gpt-realtime", result="failure") == 0
    assert gateway.metric("extproc_exchanges_total", endpoint="realtime", status_class="1xx") >= len(ids)
    assert gateway.metric("extproc_bugs_total") == 0


def test_it_outlives_the_processor(gateway: Gateway) -> None:
    with opened(gateway, "/v1/realtime?model=gpt-realtime") as connection:
        connection.send("one")
        assert connection.recv(timeout=10) == "one"
        assert gateway.metric("extproc_streams_open", filter="router") == 0
        assert gateway.metric("extproc_streams_open", filter="attempt") == 0
        before = gateway.processor_pid
        os.kill(before, signal.SIGKILL)
        eventually(lambda: not is_alive(before), "the end of the processor", 10)
        connection.send("two")
        assert connection.recv(timeout=10) == "two"
    eventually(gateway.is_ready, "another processor", 20)
