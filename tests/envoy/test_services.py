"""Routes without models, row by row through a real Envoy: services by weight, copies, rewriting, redirects, answers."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager

import grpc
import httpx
import pytest
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from extproc import names
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually
from tests.envoy.upstream import Asked, Upstream, scripted

LARGE = 100 * 1024 * 1024
WHOLE = {"scheme": "https", "host": "h.test", "port": 81, "path": "/"}
ECHO = "/test.Echo/Say"
COUNT = "/test.Echo/Count"


async def answering(asked: Asked, writer: asyncio.StreamWriter) -> None:
    text = f"{asked.method} {asked.path} {len(asked.body)}".encode()
    writer.write(b"HTTP/1.1 200 OK\r\nserver: own\r\nx-secret: 1\r\ncontent-length: %d\r\n\r\n" % len(text) + text)


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, Upstream]]:
    with scripted(answering) as one, scripted(answering) as two, scripted(answering) as copies:
        yield {"one": one, "two": two, "copies": copies}


@contextmanager
def grpc_server() -> Iterator[str]:
    """An echo without generated code: bytes in, bytes out."""

    def say(request: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata((("x-trailer", "kept"),))
        if request == b"refuse":
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no")
        return request.upper()

    def tally(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from (str(number).encode() for number in range(int(request)))

    methods = {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "Count": grpc.unary_stream_rpc_method_handler(tally),
    }
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@contextmanager
def socket_server() -> Iterator[str]:
    def echo(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    with serve(echo, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join(5)


@pytest.fixture(scope="module")
def gateway(upstreams: dict[str, Upstream]) -> Iterator[Gateway]:
    with grpc_server() as rpc, socket_server() as sockets:
        config = {
            "services": {
                **{name: {"endpoints": [upstream.origin]} for name, upstream in upstreams.items()},
                "rpc": {"endpoints": [rpc], "http2": True},
                "sockets": {"endpoints": [sockets]},
            },
            "routes": [
                {
                    "match": {"path": "/split"},
                    "service": [{"service": "one", "weight": 3}, {"service": "two", "weight": 1}],
                },
                {
                    "match": {"path": "/drained"},
                    "service": [{"service": "one", "weight": 0}, {"service": "two", "weight": 1}],
                },
                {"match": {"path": "/copied"}, "service": "one", "mirror": "copies", "rewrite": {"path": "/told"}},
                {"match": {"path": "/some"}, "service": "one", "mirror": {"service": "copies", "share": "25%"}},
                {
                    "match": {"path": "/dressed"},
                    "service": "one",
                    "rewrite": {
                        "host": "inner.test",
                        "headers": {"X-Added": "100%", "user-agent": "gateway"},
                        "remove_headers": ["X-Taken"],
                        "answer_headers": {"x-told": "50%", "server": "ours"},
                        "remove_answer_headers": ["X-Secret"],
                    },
                },
                {"match": {"path": "/old/*/x/*"}, "redirect": {"path": "/new/$2/$1", "status": 308}},
                {"match": {"path": "/away"}, "redirect": "https://example.com:8443/there"},
                {"match": {"path": "/bare/*"}, "redirect": {"path": "/b/$1", "keep_query": False}},
                {"match": {"path": "/scheme"}, "redirect": {"scheme": "https", "status": 301}},
                {"match": {"path": "/host"}, "redirect": {"host": "h.test", "status": 303}},
                {"match": {"path": "/port"}, "redirect": {"port": 81, "status": 307}},
                {
                    "match": {"path": "/whole"},
                    "redirect": {"scheme": "https", "host": "h.test", "port": 81, "path": "/"},
                },
                {"match": {"path_prefix": "/below"}, "redirect": {"path": "/under"}},
                {"match": {"path_regex": "/n/([0-9]+)"}, "redirect": {"path": "/number/$1"}},
                {
                    "match": {"path": "/robots.txt"},
                    "respond": {"status": 200, "body": "User-agent: *\nDisallow: /\n", "headers": {"x-a": "1%"}},
                },
                {"match": {"path": "/gone"}, "respond": {"status": 410}},
                {"match": {"path": "/large"}, "respond": {"status": 200, "body": "x" * 65536}},
                {"match": {"path": "/test.Echo/*"}, "service": "rpc"},
                {"match": {"path": "/socket"}, "service": "sockets"},
                {"match": {"path": "/slow"}, "service": "one", "timeout": "300ms"},
                {"match": {"path": "/up/*"}, "service": "one", "when_down": "pass"},
            ],
        }
        with running(config) as gateway:
            yield gateway


@pytest.fixture(autouse=True)
def nothing_asked(upstreams: dict[str, Upstream]) -> None:
    for upstream in upstreams.values():
        upstream.asked.clear()


def get(gateway: Gateway, path: str, **headers: str) -> httpx.Response:
    return httpx.get(gateway.url + path, headers=headers, trust_env=False, follow_redirects=False)


def test_requests_are_split_by_weight(gateway: Gateway, upstreams: dict[str, Upstream]) -> None:
    with httpx.Client(trust_env=False) as client:
        assert all(client.get(f"{gateway.url}/split").status_code == 200 for _ in range(400))
    shares = Counter({name: len(upstream.asked) for name, upstream in upstreams.items()})
    assert shares["one"] + shares["two"] == 400 and 60 <= shares["two"] <= 140, shares


def test_a_weight_of_nothing_takes_a_service_out(gateway: Gateway, upstreams: dict[str, Upstream]) -> None:
    assert [get(gateway, "/drained").status_code for _ in range(20)] == [200] * 20
    assert (len(upstreams["one"].asked), len(upstreams["two"].asked)) == (0, 20)


def test_a_mirror_gets_the_same_request_and_nobody_waits_for_it(
    gateway: Gateway, upstreams: dict[str, Upstream]
) -> None:
    answer = httpx.post(f"{gateway.url}/copied?a=1", content=b"body", headers={"x-own": "1"}, trust_env=False)
    assert answer.status_code == 200 and answer.text == "POST /told?a=1 4"
    eventually(lambda: len(upstreams["copies"].asked) == 1, "the copy", 5)
    original, copy = upstreams["one"].asked[0], upstreams["copies"].asked[0]
    assert (copy.method, copy.path, copy.body) == (original.method, original.path, original.body)
    assert copy.headers["host"] == original.headers["host"] and copy.headers["x-own"] == "1"
    ours = [name for name in copy.headers if name.startswith((names.PREFIX, names.ENVOY_PREFIX))]
    assert ours in ([], ["x-envoy-internal"]), "Envoy itself says that a copy comes from within, and no more"


def test_a_share_of_the_requests_is_mirrored(gateway: Gateway, upstreams: dict[str, Upstream]) -> None:
    with httpx.Client(trust_env=False) as client:
        assert all(client.get(f"{gateway.url}/some").status_code == 200 for _ in range(200))
    eventually(lambda: len(upstreams["copies"].asked) >= 20, "copies", 5)
    assert len(upstreams["one"].asked) == 200 and len(upstreams["copies"].asked) <= 90


def test_headers_are_set_and_taken_both_ways(gateway: Gateway, upstreams: dict[str, Upstream]) -> None:
    answer = get(gateway, "/dressed", **{"x-taken": "1", "x-kept": "1"})
    received = upstreams["one"].asked[-1].headers
    assert received["host"] == "inner.test" and received["x-added"] == "100%" and received["user-agent"] == "gateway"
    assert "x-taken" not in received and received["x-kept"] == "1"
    assert (answer.headers["x-told"], answer.headers["server"]) == ("50%", "ours") and "x-secret" not in answer.headers


@pytest.mark.parametrize(
    ("path", "status", "place"),
    [
        ("/old/a/x/b?q=1", 308, "http://{host}/new/b/a?q=1"),
        ("/away?q=1", 302, "https://example.com:8443/there?q=1"),
        ("/bare/c?q=1", 302, "http://{host}/b/c"),
        ("/scheme?q=1", 301, "https://{host}/scheme?q=1"),
        ("/host", 303, "http://h.test/host"),
        ("/port?q=1", 307, "http://127.0.0.1:81/port?q=1"),
        ("/whole?q=1", 302, "https://h.test:81/?q=1"),
        ("/below/a?q=1", 302, "http://{host}/under/a?q=1"),
        ("/n/12", 302, "http://{host}/number/12"),
    ],
)
def test_redirects(gateway: Gateway, path: str, status: int, place: str) -> None:
    answer = get(gateway, path)
    assert answer.status_code == status
    assert answer.headers["location"] == place.format(host=f"127.0.0.1:{gateway.port}")
    assert answer.headers[names.REQUEST_ID]


def test_answers_without_an_upstream(gateway: Gateway) -> None:
    robots, gone, large = get(gateway, "/robots.txt"), get(gateway, "/gone"), get(gateway, "/large")
    assert (robots.status_code, robots.text) == (200, "User-agent: *\nDisallow: /\n")
    assert robots.headers["content-type"] == "text/plain; charset=utf-8" and robots.headers["x-a"] == "1%"
    assert (gone.status_code, gone.text) == (410, "")
    assert large.text == "x" * 65536


def test_answers_of_envoys_own_cost_the_processor_nothing(gateway: Gateway) -> None:
    before = gateway.metric("extproc_decision_seconds_count")
    for path in ("/robots.txt", "/away", "/gone"):
        get(gateway, path)
    eventually(
        lambda: gateway.metric("extproc_exchanges_total", endpoint="answer", status_class="4xx") >= 1, "the count", 10
    )
    assert gateway.metric("extproc_decision_seconds_count") == before


def test_grpc_passes_with_trailers_streams_and_errors(gateway: Gateway) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{gateway.port}") as channel:
        say = channel.unary_unary(ECHO)
        answer, call = say.with_call(b"hello", timeout=10)
        assert answer == b"HELLO" and ("x-trailer", "kept") in [tuple(pair) for pair in call.trailing_metadata()]
        assert list(channel.unary_stream(COUNT)(b"500", timeout=10)) == [str(n).encode() for n in range(500)]
        with pytest.raises(grpc.RpcError) as refused:
            say(b"refuse", timeout=10)
        assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION and refused.value.details() == "no"


def test_websockets_pass_both_ways(gateway: Gateway) -> None:
    with connect(f"ws://127.0.0.1:{gateway.port}/socket", proxy=None) as connection:
        for message in ("hello", b"\x00\xff", "x" * 200_000):
            connection.send(message)
            assert connection.recv(timeout=10) == message


def test_an_upload_of_a_hundred_megabytes_passes_by_the_processor(
    gateway: Gateway, upstreams: dict[str, Upstream]
) -> None:
    before = gateway.metric("extproc_streams_open", filter="router")

    def pieces() -> Iterator[bytes]:
        for _ in range(LARGE // 2**20):
            yield bytes(2**20)

    answer = httpx.post(f"{gateway.url}/up/load", content=pieces(), trust_env=False, timeout=120)
    assert answer.status_code == 200 and answer.text == f"POST /up/load {LARGE}"
    assert gateway.metric("extproc_streams_open", filter="router") == before


def test_a_slow_service_is_given_up(gateway: Gateway, upstreams: dict[str, Upstream]) -> None:
    async def silent(_: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    upstreams["one"].script = silent
    try:
        answer = get(gateway, "/slow")
    finally:
        upstreams["one"].script = answering
    assert answer.status_code == 504
