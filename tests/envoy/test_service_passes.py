"""What passes between a caller and a service: every form of request and answer, and the processor's one message."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from extproc import names
from extproc.dataplane.clusters import TCP_USER_TIMEOUT
from tests.dataplane.certificates import Ca
from tests.envoy.counters import counted
from tests.envoy.front import offering_both
from tests.envoy.gateway import Gateway, free_port, running
from tests.envoy.processes import eventually
from tests.envoy.raw import exchange
from tests.envoy.sockets import Sockets, sockets
from tests.envoy.upstream import Asked, Upstream, scripted, whole

MEGABYTE = 1024 * 1024
LARGE = 100 * MEGABYTE


async def answering(asked: Asked, writer: asyncio.StreamWriter) -> None:
    if asked.path == "/trailers":
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n")
        writer.write(b"2\r\nab\r\n0\r\nx-sum: 7\r\n\r\n")
    elif asked.path == "/large":
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % LARGE)
        for _ in range(LARGE // MEGABYTE):
            writer.write(bytes(MEGABYTE))
            await writer.drain()
    elif asked.path == "/silent":
        await asyncio.Event().wait()
    elif asked.method == "HEAD":
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\nx-own: 1\r\n\r\n")
    elif asked.path == "/nothing":
        writer.write(b"HTTP/1.1 204 No Content\r\nx-own: 1\r\n\r\n")
    elif asked.path == "/error":
        writer.write(whole(b"their own words", 503, "text/plain", ("x-own", "1")))
    else:
        writer.write(whole(f"{asked.method} {len(asked.body)}".encode(), 200, "text/plain", ("x-own", "caf\xe9")))


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with scripted(answering) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def copies() -> Iterator[Upstream]:
    with scripted(answering) as copies:
        yield copies


@pytest.fixture(scope="module")
def server() -> Iterator[Sockets]:
    with sockets() as server:
        yield server


@pytest.fixture(scope="module")
def never_reading() -> Iterator[str]:
    """Accepts connections, and that is all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        held: list[socket.socket] = []
        threading.Thread(target=_accept, args=(listener, held), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for connection in held:
            connection.close()


def _accept(listener: socket.socket, held: list[socket.socket]) -> None:
    while True:
        try:
            held.append(listener.accept()[0])
        except OSError:
            return


@pytest.fixture(scope="module")
def gateway(
    upstream: Upstream,
    copies: Upstream,
    server: Sockets,
    never_reading: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    ca = Ca()
    authorities = tmp_path_factory.mktemp("ca") / "ca.pem"
    authorities.write_bytes(ca.certificate)
    with offering_both(server.port, ca) as front:
        config: dict[str, Any] = {
            "services": {
                "one": {"endpoints": [upstream.origin]},
                "copies": {"endpoints": [copies.origin]},
                "gone": {"endpoints": [f"http://127.0.0.1:{free_port()}"]},
                "deaf": {"endpoints": [never_reading]},
                "sockets": {"endpoints": [server.origin]},
                "secure": {"endpoints": [f"https://127.0.0.1:{front}"], "tls": {"ca": str(authorities)}},
            },
            "routes": [
                {"match": {"path": "/copied"}, "service": "one", "mirror": "copies"},
                {"match": {"path": "/copied-nowhere"}, "service": "one", "mirror": "gone"},
                {"match": {"path": "/copied-to-the-deaf"}, "service": "one", "mirror": "deaf"},
                {"match": {"path": "/silent"}, "service": "one", "timeout": "400ms"},
                {"match": {"path": "/gone"}, "service": "gone"},
                {"match": {"path_prefix": "/socket"}, "service": "sockets"},
                {"match": {"path_prefix": "/secure"}, "service": "secure", "rewrite": {"path": "/inner"}},
                {"match": {"path": "/*"}, "service": "one"},
            ],
        }
        with running(config) as gateway:
            yield gateway


@pytest.fixture(autouse=True)
def nothing_asked(upstream: Upstream, copies: Upstream, server: Sockets) -> None:
    for one in (upstream, copies):
        one.asked.clear()
    server.handshakes.clear()
    server.closed_with.clear()


def ask(gateway: Gateway, method: str, path: str, **more: Any) -> httpx.Response:
    return httpx.request(method, gateway.url + path, trust_env=False, timeout=60, **more)


def pieces(size: int = LARGE) -> Iterator[bytes]:
    for _ in range(size // MEGABYTE):
        yield bytes(MEGABYTE)


def test_each_form_of_request_costs_the_processor_one_message(gateway: Gateway, upstream: Upstream) -> None:
    """Whatever its method, its body's length and framing, and whatever its answer is."""
    before = counted(gateway, "stream_msgs_sent")
    forms: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/x", {}),
        ("POST", "/x", {"content": b"x" * 1000}),
        ("POST", "/x", {"content": pieces(3 * MEGABYTE)}),
        ("PUT", "/x", {"content": b""}),
        ("HEAD", "/x", {}),
        ("OPTIONS", "/x", {}),
        ("GET", "/nothing", {}),
        ("GET", "/trailers", {}),
        ("GET", "/error", {}),
        ("DELETE", "/x", {"content": b"with a body"}),
        ("GET", "/large", {}),
    ]
    for method, path, more in forms:
        ask(gateway, method, path, **more)
    after = counted(gateway, "stream_msgs_sent")
    assert {name: after[name] - before[name] for name in after} == {"router": len(forms), "attempt": 0, "errors": 0}
    assert [asked.method for asked in upstream.asked] == [method for method, _, _ in forms]
    assert [len(asked.body) for asked in upstream.asked] == [0, 1000, 3 * MEGABYTE, 0, 0, 0, 0, 0, 0, 11, 0]
    upstream.asked.clear()


def test_answers_stay_as_they_are(gateway: Gateway) -> None:
    head = ask(gateway, "HEAD", "/x")
    assert (head.status_code, head.headers["content-length"], head.headers["x-own"]) == (200, "1234", "1")
    error = ask(gateway, "GET", "/error")
    assert (error.status_code, error.text, error.headers["x-own"]) == (503, "their own words", "1")
    assert names.SHOULD_RETRY not in error.headers
    nothing = ask(gateway, "GET", "/nothing")
    assert (nothing.status_code, nothing.content) == (204, b"")
    assert all(answer.headers[names.REQUEST_ID] for answer in (head, error, nothing))


def test_trailers_do_no_harm(gateway: Gateway, upstream: Upstream) -> None:
    """Envoy takes HTTP/1.1's off, both ways, and passes the bodies before them whole."""
    assert ask(gateway, "GET", "/trailers").content == b"ab"
    head = b"POST /x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntrailer: x-a\r\n\r\n"
    sent = head + b"3\r\nabc\r\n0\r\nx-a: 1\r\n\r\n"
    answer = exchange(gateway.port, sent)
    assert answer.status == 200 and answer.rest == b"POST 3"
    assert upstream.asked[-1].body == b"abc"


def test_a_caller_who_waits_for_100_is_told_to_go_on(gateway: Gateway, upstream: Upstream) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        head = b"POST /x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n"
        connection.sendall(head)
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"hello")
        got = b""
        while b"POST 5" not in got:
            part = connection.recv(4096)
            assert part, got
            got += part
    assert upstream.asked[-1].body == b"hello"


def test_bytes_of_a_header_pass_as_they_are(gateway: Gateway, upstream: Upstream) -> None:
    answer = exchange(gateway.port, "GET /x HTTP/1.1\r\nhost: x\r\nx-name: gr\u00fc\u00df \u2713\r\n\r\n".encode())
    assert answer.status == 200 and "x-own: caf\u00e9".encode() in answer.head
    assert upstream.asked[-1].headers["x-name"].encode("latin-1") == "gr\u00fc\u00df \u2713".encode()


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n\r\n",
        b"CONNECT /x HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /x HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\nhttp2-settings: A\r\n\r\n",
        b"GET /x HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: anything\r\n\r\n",
    ],
)
def test_nothing_is_tunnelled_but_websockets(gateway: Gateway, upstream: Upstream, head: bytes) -> None:
    answer = exchange(gateway.port, head)
    assert answer.status in (200, 400, 403, 404), answer
    if answer.status == 200:  # an upgrade that nobody has to take
        assert [asked.headers.get("upgrade") for asked in upstream.asked] == [None]
    else:
        assert upstream.asked == []


@pytest.mark.parametrize(
    "framing",
    [
        b"content-length: 5\r\ntransfer-encoding: chunked",
        b"transfer-encoding: chunked, identity",
        b"transfer-encoding: xchunked",
        b"transfer-encoding : chunked",
        b"transfer-encoding: chunked\r\ntransfer-encoding: identity",
        b"content-length: 5\r\ncontent-length: 6",
        b"content-length: +5",
        b"content-length: 5, 5",
    ],
)
def test_two_readings_of_a_length_are_none(gateway: Gateway, upstream: Upstream, framing: bytes) -> None:
    smuggled = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
    answer = exchange(gateway.port, b"POST /x HTTP/1.1\r\nhost: x\r\n" + framing + b"\r\n\r\n" + smuggled)
    assert answer.status in (400, 501), answer
    assert upstream.asked == [] and upstream.garbled == []


def test_what_says_how_to_transfer_is_said_to_the_next_hop_alone(gateway: Gateway, upstream: Upstream) -> None:
    head = b"GET /x HTTP/1.1\r\nhost: x\r\nte: trailers, deflate\r\nconnection: te, x-hop, close\r\nx-hop: 1\r\n\r\n"
    answer = exchange(gateway.port, head)
    assert answer.status in (200, 400)
    for asked in upstream.asked:
        assert "x-hop" not in asked.headers and asked.headers.get("te") in (None, "trailers")


def test_a_service_that_is_too_slow_or_gone_is_said_in_json(gateway: Gateway) -> None:
    slow, gone = ask(gateway, "GET", "/silent"), ask(gateway, "GET", "/gone")
    assert (slow.status_code, slow.json()["error"]["code"]) == (504, "upstream_timeout")
    assert (gone.status_code, gone.json()["error"]["code"]) == (503, "no_target_available")
    for answer in (slow, gone):
        assert answer.headers["content-type"] == "application/json" and answer.headers[names.REQUEST_ID]


# --- copies ----------------------------------------------------------------------------------------------------------


def test_a_copy_has_the_whole_body(gateway: Gateway, upstream: Upstream, copies: Upstream) -> None:
    body = bytes(range(256)) * 4096 * 3
    assert ask(gateway, "POST", "/copied", content=body).status_code == 200
    eventually(lambda: len(copies.asked) == 1, "the copy", 10)
    assert copies.asked[0].body == upstream.asked[0].body == body


def test_a_hundred_megabytes_are_copied_too(gateway: Gateway, upstream: Upstream, copies: Upstream) -> None:
    answer = ask(gateway, "POST", "/copied", content=pieces())
    assert (answer.status_code, answer.text) == (200, f"POST {LARGE}")
    eventually(lambda: len(copies.asked) == 1, "the copy", 30)
    assert len(copies.asked[0].body) == LARGE
    upstream.asked.clear()
    copies.asked.clear()


def test_a_mirror_that_is_gone_costs_nobody_anything(gateway: Gateway) -> None:
    assert ask(gateway, "POST", "/copied-nowhere", content=pieces(3 * MEGABYTE)).text == f"POST {3 * MEGABYTE}"


@pytest.mark.skipif(TCP_USER_TIMEOUT is None, reason="this system has no TCP_USER_TIMEOUT")
def test_a_mirror_that_reads_nothing_holds_up_nobody_for_ever(gateway: Gateway, upstream: Upstream) -> None:
    """More than all that is held between a caller and a mirror; what is less passes at once."""
    size = 80 * MEGABYTE
    assert ask(gateway, "POST", "/copied-to-the-deaf", content=pieces(size)).text == f"POST {size}"
    upstream.asked.clear()


# --- WebSockets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "told"), [("/socket/a?b=1", "/socket/a?b=1"), ("/secure/a", "/inner/a")])
def test_a_websocket_passes_with_its_close_codes(gateway: Gateway, server: Sockets, path: str, told: str) -> None:
    """Behind TLS too, where the server would rather speak HTTP/2."""
    address = f"ws://127.0.0.1:{gateway.port}{path}"
    with connect(address, proxy=None, max_size=None, additional_headers={"cookie": "mine"}) as connection:
        for message in ("hello", b"\x00\xff", "x" * 2_000_000):
            connection.send(message)
            assert connection.recv(timeout=20) == message
        connection.send("close 4001 enough")
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=10)
        assert (connection.close_code, connection.close_reason) == (4001, "enough")
    with connect(address, proxy=None) as connection:
        connection.close(4002, "mine")
    eventually(lambda: (4002, "mine") in server.closed_with, "the caller's code", 10)
    assert [one.path for one in server.handshakes] == [told, told]
    assert server.handshakes[0].headers["cookie"] == "mine"


def test_a_plain_request_to_the_same_place_is_none(gateway: Gateway, server: Sockets) -> None:
    assert ask(gateway, "GET", "/secure/a").status_code == 426
    assert server.handshakes == []
