"""TLS to clients through the whole gateway: versions, names of protocols, plain text at the wrong door, what a service
is told, and what a start says."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from extproc.app.reaching import reached
from extproc.config.load import load_document
from extproc.dataplane.supervise import Address
from tests.envoy import raw
from tests.envoy.clients_tls import NAMES, SERVERS, Place, client, config, curl, https, secured
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, running


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def gateway(place: Place, demos: dict[str, Demo]) -> Iterator[Gateway]:
    with secured(place, demos["lab"]) as made:
        yield made


def handshake(gateway: Gateway, context: ssl.SSLContext) -> ssl.SSLSocket:
    connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    return context.wrap_socket(connection, server_hostname="gateway.test")


@pytest.mark.parametrize(
    ("offered", "spoken"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), (["spdy/1"], None), ([], None)]
)
def test_the_protocol_is_agreed_on_by_alpn(
    gateway: Gateway, place: Place, offered: list[str], spoken: str | None
) -> None:
    context = place.client()
    if offered:
        context.set_alpn_protocols(offered)
    with handshake(gateway, context) as connection:
        assert connection.selected_alpn_protocol() == spoken
        if spoken != "h2":
            connection.sendall(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("version", "taken"), [("TLSv1", False), ("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nothing_below_tls_1_2_is_spoken(gateway: Gateway, place: Place, version: str, taken: bool) -> None:
    context = place.client()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    try:
        with handshake(gateway, context) as connection:
            assert taken and connection.version()
    except ssl.SSLError:
        assert not taken


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_chat_is_answered_in_either_version(gateway: Gateway, place: Place, version: str) -> None:
    ca = place.put("ca.crt", SERVERS.certificate)
    answer = curl(version, "-i", "--cacert", str(ca), "-H", "content-type: application/json", "-d",
                  '{"model":"m","messages":[{"role":"user","content":"hi"}]}', https(gateway) + CHAT)  # fmt: skip
    assert answer.startswith("HTTP/2 200" if version == "--http2" else "HTTP/1.1 200")
    assert "x-extproc-target: lab/m" in answer and "alt-svc" not in answer


def test_plain_text_at_the_door_of_tls_gets_no_answer(gateway: Gateway) -> None:
    assert raw.exchange(gateway.port, b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n").status == 0


def test_a_service_and_a_redirect_know_that_it_was_tls(gateway: Gateway, place: Place, lab: Demo) -> None:
    """Whatever the client says of it; and nothing of certificates that it makes up goes on."""
    own = f"Bearer {lab.key}"  # services get what the caller sends
    says = {
        "authorization": own,
        "x-forwarded-proto": "http",
        "x-forwarded-client-cert": "Hash=made-up",
        "x-extproc-ctl-peer": "made-up",
    }
    with client(place.client()) as connected:
        assert connected.get(https(gateway) + "/shop/models", headers=says).status_code == 200
        told = lab.last()["headers"]
        assert told["x-forwarded-proto"] == "https"
        assert not {"x-forwarded-client-cert", "x-extproc-ctl-peer"} & told.keys()
        moved = connected.get(https(gateway) + "/old", headers=says)
        assert moved.headers["location"] == https(gateway) + "/new"


def test_in_plain_text_http2_is_spoken_to_whoever_begins_with_it(demos: dict[str, Demo], lab: Demo) -> None:
    with running(config(demos["lab"], {})) as gateway:
        own = ("-H", f"authorization: Bearer {lab.key}", "-H", "x-forwarded-client-cert: made-up")
        answer = curl("--http2-prior-knowledge", "-i", *own, gateway.url + "/shop/models")
        assert answer.startswith("HTTP/2 200")
        told = lab.last()["headers"]
        assert told["x-forwarded-proto"] == "http" and "x-forwarded-client-cert" not in told
        with pytest.raises(httpx.ConnectError), httpx.Client(trust_env=False) as connected:
            connected.get(https(gateway))


def test_what_a_start_proposes_works(demos: dict[str, Demo], tmp_path: Path) -> None:
    """A certificate of a private CA, for a name that this machine does not have."""
    place = Place(tmp_path)
    place.put_server(SERVERS.issue("gw", "gw.example.test"))
    document = config(demos["lab"], place.listen())
    loaded = load_document(document, "test").compiled
    assert loaded is not None
    with running(document) as gateway:
        (started,) = gateway.lines("started")
        assert started["address"] == https(gateway)
        at = reached(Address("127.0.0.1", gateway.port, True), loaded.snapshot.listen.tls, loaded.listener.pair)
        assert at.url == f"https://gw.example.test:{gateway.port}"
        assert '"m"' in curl(*at.options.split(), f"{at.url}/v1/models")


def test_tls_comes_and_goes_by_a_reload(place: Place, demos: dict[str, Demo]) -> None:
    place.put_server(SERVERS.issue("first", *NAMES))
    plain, tls = config(demos["lab"], {}), config(demos["lab"], place.listen())
    with running(plain) as gateway:
        pid = gateway.envoy_pid
        for turn, url, other in ((tls, https(gateway), gateway.url), (plain, gateway.url, https(gateway))):
            gateway.reload(turn)
            with client(place.client()) as connected:
                assert connected.post(url + CHAT, json=body("m")).status_code == 200
                with pytest.raises(httpx.HTTPError):
                    connected.get(other)
        before = gateway.hash
        gateway.reload({**plain, "listen": {"port": 1}})
        assert gateway.hash != before and gateway.envoy_pid == pid
        assert (
            "until the next start of extproc up, and then at 127.0.0.1:1" not in gateway.err.text()
        )  # --port goes first
        gateway.reload({**plain, "listen": {"host": "::1"}})
        assert f"clients connect at 127.0.0.1:{gateway.port} until the next start" in gateway.err.text()
