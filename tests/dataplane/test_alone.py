"""A real Envoy and no processor: answers stay JSON, LLM routes fail closed, services pass where they were told to."""

import http.client
from collections.abc import Iterator

import pytest

from extproc.snapshot import PathMatch, Rewrite
from tests.dataplane.envoy import Running, running
from tests.dataplane.snapshots import llm, provider, service, snapshot, to_service
from tests.dataplane.upstream import Upstream, answering

pytestmark = pytest.mark.envoy
SHOP = Upstream(body=b"shop")


@pytest.fixture(scope="module")
def envoy() -> Iterator[Running]:
    with answering(SHOP):
        shop = service("shop", SHOP.endpoint)
        with running(
            snapshot(
                provider("lab", SHOP.endpoint),
                shop,
                to_service("shop", PathMatch("glob", "/open/*"), rewrite=Rewrite("/v2/$1"), when_down="pass"),
                to_service("shop", PathMatch("glob", "/shut/*")),
                llm("llm", PathMatch("glob", "/v1/*")),
            )
        ) as envoy:
            yield envoy


def test_llm_routes_fail_closed(envoy: Running) -> None:
    """Without a processor nothing goes to a provider."""
    SHOP.asked.clear()
    answer = envoy.ask("POST", "/v1/chat/completions", {"content-type": "application/json"}, b"{}")
    assert (answer.status, answer.code) == (503, "processor_unavailable")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-extproc-request-id"]
    assert SHOP.asked == []


def test_uploads_fail_closed(envoy: Running) -> None:
    """The same on endpoints whose body is not read."""
    answer = envoy.ask("POST", "/v1/audio/transcriptions", {"content-type": "multipart/form-data"}, b"x" * 100)
    assert (answer.status, answer.code) == (503, "processor_unavailable")


def test_a_service_passes_where_it_was_told_to(envoy: Running) -> None:
    """`when_down: pass`: the service answers, told what the route says; ours and Envoy's headers never reach it."""
    SHOP.asked.clear()
    answer = envoy.ask("GET", "/open/a/b?q=1", {"x-extproc-team": "blue", "x-envoy-max-retries": "3", "x-mine": "1"})
    assert (answer.status, answer.body) == (200, b"shop")
    ((method, path, headers, _),) = SHOP.asked
    assert (method, path) == ("GET", "/v2/a/b?q=1")
    assert headers["x-mine"] == "1"
    assert [name for name in headers if name.startswith(("x-extproc-", "x-envoy-"))] == []
    assert answer.headers["x-extproc-request-id"]


def test_a_service_is_refused_where_it_was_not(envoy: Running) -> None:
    """The default is to refuse, with an id that the access log has too."""
    answer = envoy.ask("GET", "/shut/a")
    assert answer.code == "processor_unavailable"
    assert answer.headers["x-extproc-request-id"]


def test_what_no_route_takes(envoy: Running) -> None:
    """404 as JSON, by Envoy alone."""
    answer = envoy.ask("GET", "/nothing")
    assert (answer.status, answer.code) == (404, "route_not_found")
    assert answer.headers["content-type"] == "application/json"


def test_escaped_slashes_are_refused(envoy: Running) -> None:
    """A path that two readers may read in two ways is a bad request."""
    answer = envoy.ask("GET", "/open%2fx")
    assert (answer.status, answer.code) == (400, "invalid_request")


def test_upgrades_are_for_services_only(envoy: Running) -> None:
    """An LLM route takes no WebSocket."""
    answer = envoy.ask("GET", "/v1/models", {"connection": "upgrade", "upgrade": "websocket"})
    assert (answer.status, answer.code) == (403, "invalid_request")


def test_dots_in_paths_are_resolved_before_routes_match(envoy: Running) -> None:
    """/open/../shut is /shut."""
    assert envoy.ask("GET", "/open/../shut/a").code == "processor_unavailable"


def test_garbage_is_refused(envoy: Running) -> None:
    """A request that is no HTTP gets 400, and the connection is closed."""
    connection = http.client.HTTPConnection("127.0.0.1", envoy.place.port, timeout=5)
    connection.connect()
    connection.sock.sendall(
        b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    assert connection.sock.recv(4096).startswith(b"HTTP/1.1 400")
    connection.close()


def test_the_log_has_no_query(envoy: Running) -> None:
    """The access log is JSON, a line an exchange, without the query."""
    envoy.ask("GET", "/nothing/logged?key=very-secret")
    assert len(envoy.logged("/nothing/logged")) == 1
    assert "very-secret" not in str(envoy.log())
