"""gRPC and HTTP/2 to services: all kinds of calls, deadlines, cancellation; one message to the processor for each."""

import queue
from collections.abc import Iterator

import grpc
import httpx
import pytest

from tests.envoy.calls import ADD, COUNT, SAY, TALK, WAIT, Calls, calls
from tests.envoy.counters import counted
from tests.envoy.front import offering_both
from tests.envoy.gateway import Gateway, free_port, running
from tests.envoy.upstream import Upstream, always, scripted, whole


@pytest.fixture(scope="module")
def server() -> Iterator[Calls]:
    with calls() as server:
        yield server


@pytest.fixture(scope="module")
def plain() -> Iterator[Upstream]:
    with scripted(always(whole(b"plain"))) as plain:
        yield plain


@pytest.fixture(scope="module")
def gateway(server: Calls, plain: Upstream) -> Iterator[Gateway]:
    with offering_both(plain.port, None) as front:
        config = {
            "services": {
                "rpc": {"endpoints": [server.origin], "http2": True},
                "gone": {"endpoints": [f"http://127.0.0.1:{free_port()}"], "http2": True},
                "two": {"endpoints": [f"http://127.0.0.1:{front}"], "http2": True},
            },
            "routes": [
                {"match": {"path": "/test.Echo/*", "headers": {"x-short": "1"}}, "service": "rpc", "timeout": "500ms"},
                {"match": {"path": "/test.Echo/*"}, "service": "rpc"},
                {"match": {"path": "/test.Gone/*"}, "service": "gone"},
                {"match": {"path": "/two/*"}, "service": "two"},
            ],
        }
        with running(config) as gateway:
            yield gateway


@pytest.fixture
def channel(gateway: Gateway) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{gateway.port}") as channel:
        yield channel


def test_all_kinds_of_calls_pass_and_each_costs_one_message(gateway: Gateway, channel: grpc.Channel) -> None:
    before = counted(gateway, "stream_msgs_sent")
    answer, call = channel.unary_unary(SAY).with_call(b"hello", timeout=20)
    assert answer == b"HELLO" and ("x-trailer", "kept") in [tuple(pair) for pair in call.trailing_metadata()]
    assert list(channel.unary_stream(COUNT)(b"500", timeout=20)) == [str(n).encode() for n in range(500)]
    assert channel.stream_unary(ADD)(iter([b"1", b"2", b"39"]), timeout=20) == b"42"
    after = counted(gateway, "stream_msgs_sent")
    assert {name: after[name] - before[name] for name in after} == {"router": 3, "attempt": 0, "errors": 0}


def test_both_sides_talk_at_once(channel: grpc.Channel) -> None:
    """Each word is answered before the next is said: nothing is held back on the way."""
    said: queue.Queue[bytes | None] = queue.Queue()
    heard = channel.stream_stream(TALK)(iter(said.get, None), timeout=20)
    for word in (b"one", b"two", b"x" * 1_000_000):
        said.put(word)
        assert next(heard) == word.upper()
    said.put(None)
    assert list(heard) == [] and heard.code() == grpc.StatusCode.OK


def test_a_status_passes_as_it_is(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(SAY)(b"refuse", timeout=20)
    assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "no")


def test_a_deadline_reaches_the_service(channel: grpc.Channel, server: Calls) -> None:
    channel.unary_unary(SAY)(b"x", timeout=1000)
    assert 900 < server.left_over[-1] <= 1000


@pytest.mark.parametrize("how", ["cancelled", "late"])
def test_whoever_does_not_wait_ends_the_call_at_the_service(channel: grpc.Channel, server: Calls, how: str) -> None:
    server.began.clear()
    server.left.clear()
    call = channel.unary_unary(WAIT).future(b"", timeout=None if how == "cancelled" else 2)
    assert server.began.wait(20)
    if how == "cancelled":
        call.cancel()
    assert server.left.wait(20), "the service still works for nobody"


def test_what_envoy_says_itself_is_a_status_too(channel: grpc.Channel, server: Calls) -> None:
    """A caller of gRPC reads no JSON."""
    for method, metadata, codes in (
        ("/test.Gone/Say", (), {grpc.StatusCode.UNAVAILABLE}),
        ("/nowhere.Echo/Say", (), {grpc.StatusCode.UNIMPLEMENTED}),
        (WAIT, (("x-short", "1"),), {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}),
    ):
        server.left.clear()
        with pytest.raises(grpc.RpcError) as failed:
            channel.unary_unary(method)(b"x", timeout=20, metadata=metadata)
        assert failed.value.code() in codes, (method, failed.value)


def test_a_service_of_http_2_is_spoken_to_in_it(gateway: Gateway, plain: Upstream) -> None:
    answer = httpx.post(f"{gateway.url}/two/x?a=1", content=b"body", trust_env=False)
    assert (answer.status_code, answer.text) == (200, "plain")
    asked = plain.asked[-1]
    assert (asked.method, asked.path, asked.body) == ("POST", "/two/x?a=1", b"body")
