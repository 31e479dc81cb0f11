"""A real Envoy and no processor: `when_down: pass` holds for every form of request and of route."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import grpc
import pytest
from websockets.sync.client import connect

from extproc.snapshot import Endpoint, Match, Mirror, PathMatch, Redirect, Respond, Route, Service, ServiceShare
from tests.dataplane.envoy import Running, eventually, running
from tests.dataplane.snapshots import service, snapshot, to_service
from tests.dataplane.upstream import Upstream, answering
from tests.envoy.calls import SAY, calls
from tests.envoy.sockets import sockets

pytestmark = pytest.mark.envoy
ONE, TWO = Upstream(body=b"one"), Upstream(body=b"two")


def passing(name: str, path: str) -> Route:
    return to_service(name, PathMatch("prefix", path), when_down="pass")


@pytest.fixture(scope="module")
def envoy() -> Iterator[Running]:
    with answering(ONE), answering(TWO), calls() as rpc, sockets() as server:
        split = replace(passing("one", "/split"), services=(ServiceShare("one", 1), ServiceShare("two", 1)))
        with running(
            snapshot(
                service("one", ONE.endpoint),
                service("two", TWO.endpoint),
                Service("rpc", "rpc-1", (Endpoint("http", "127.0.0.1", rpc.port),), http2=True),
                service("sockets", Endpoint("http", "127.0.0.1", server.port)),
                passing("one", "/plain"),
                split,
                replace(passing("one", "/copied"), mirror=Mirror("two")),
                passing("sockets", "/socket"),
                passing("rpc", "/test.Echo"),
                Route("moved", Match(PathMatch("exact", "/old")), kind="answer", redirect=Redirect(path="/new")),
                Route("fixed", Match(PathMatch("exact", "/fixed")), kind="answer", respond=Respond(200, "fixed")),
            )
        ) as envoy:
            yield envoy


def test_a_plain_request_with_a_body(envoy: Running) -> None:
    ONE.asked.clear()
    answer = envoy.ask("POST", "/plain/x?a=1", {"x-mine": "1", "x-extproc-provider": "p"}, b"x" * 2_000_000)
    assert (answer.status, answer.body) == (200, b"one")
    ((method, path, headers, body),) = ONE.asked
    assert (method, path, len(body), headers["x-mine"]) == ("POST", "/plain/x?a=1", 2_000_000, "1")
    assert not [name for name in headers if name.startswith("x-extproc-")]


def test_by_weight(envoy: Running) -> None:
    shares = Counter(envoy.ask("GET", "/split").body for _ in range(8))
    assert set(shares) <= {b"one", b"two"} and sum(shares.values()) == 8


def test_a_copy(envoy: Running) -> None:
    TWO.asked.clear()
    assert envoy.ask("POST", "/copied", {}, b"body").body == b"one"
    eventually(lambda: len(TWO.asked) == 1, within=10)
    assert TWO.asked[0][3] == b"body"


def test_a_websocket(envoy: Running) -> None:
    with connect(f"ws://127.0.0.1:{envoy.place.port}/socket", proxy=None, open_timeout=20) as connection:
        connection.send("hello")
        assert connection.recv(timeout=10) == "hello"


def test_a_call(envoy: Running) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{envoy.place.port}") as channel:
        assert channel.unary_unary(SAY)(b"hello", timeout=20) == b"HELLO"


def test_answers_of_envoys_own(envoy: Running) -> None:
    moved, fixed = envoy.ask("GET", "/old"), envoy.ask("GET", "/fixed")
    assert (moved.status, moved.headers["location"].partition("/new")[1]) == (302, "/new")
    assert (fixed.status, fixed.body) == (200, b"fixed")
