"""What comes in from outside is hostile until shown otherwise: shapes, spoofed headers, paths, methods."""

import asyncio
import json
import time
from collections.abc import Iterator

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.raw import exchange, post
from tests.envoy.upstream import Asked, Upstream, always, scripted, whole

SMALL = json.dumps(body("m")).encode()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with scripted(always(whole(b"{}"))) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: Upstream) -> Iterator[Gateway]:
    config = {
        "providers": {"one": {"dialect": "openai", "base_url": f"{upstream.origin}/v1"}},
        "services": {"files": {"endpoints": [upstream.origin]}},
        "routes": [
            {"name": "files", "match": {"path": "/files/*"}, "service": "files"},
            {"name": "llm", "match": {"path": "/v1/*"}},
        ],
    }
    with running(config) as gateway:
        yield gateway


# --- spoofing --------------------------------------------------------------------------------------------------------


def test_headers_that_only_we_may_say_have_no_effect(gateway: Gateway, quiet: Upstream) -> None:
    """A client steers neither Envoy nor the way between our filters."""
    spoofed = {
        "x-envoy-max-retries": "0",
        "x-envoy-upstream-rq-per-try-timeout-ms": "1",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-envoy-retry-on": "none",
        "x-envoy-upstream-alt-stat-name": "stolen",
        "x-envoy-original-path": "/stolen",
        "x-envoy-decorator-operation": "stolen",
        "x-envoy-internal": "true",
        "x-extproc-ctl-retry": "1",
        "x-extproc-ctl-attempts": "9",
        "x-extproc-target": "stolen/model",
        "x-extproc-request-id": "stolen",
        "x-extproc-filter": "attempt",
        "x-request-id": "stolen",
    }
    answer = httpx.post(gateway.url + CHAT, json=body("m"), headers=spoofed, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert (answer.headers[names.TARGET], answer.headers[names.ATTEMPTS]) == ("one/m", "1")
    assert answer.headers[names.REQUEST_ID] != "stolen"
    received = quiet.asked[-1]
    assert "stolen" not in json.dumps(received.raw_headers) and "stolen" not in received.path
    assert not [name for name in received.headers if name.startswith((names.PREFIX, names.ENVOY_PREFIX))]


def test_a_service_sees_none_of_ours_either(gateway: Gateway, quiet: Upstream) -> None:
    headers = {"x-extproc-team": "red", "x-extproc-ctl-retry": "1", "x-envoy-max-retries": "5", "authorization": "mine"}
    answer = httpx.get(f"{gateway.url}/files/x", headers=headers, trust_env=False)
    assert answer.status_code == 200
    received = quiet.asked[-1].headers
    assert received["authorization"] == "mine", "a service gets everything but ours"
    assert not [name for name in received if name.startswith((names.PREFIX, names.ENVOY_PREFIX))]


def test_an_upstream_cannot_forge_what_the_answer_says() -> None:
    forged = (("x-extproc-target", "forged/x"), ("x-extproc-attempts", "9"), ("x-extproc-ctl-attempts", "9"))
    forged += (("x-extproc-request-id", "forged"), ("x-extproc-ctl-retry", "1"))

    async def forging(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(whole(b"{}", 200, "application/json", *forged))

    with scripted(forging) as upstream:
        config = {"providers": {"one": {"dialect": "openai", "base_url": f"{upstream.origin}/v1"}}}
        with running(config) as gateway:
            answer = httpx.post(gateway.url + CHAT, json=body("m"), trust_env=False)
    assert answer.headers.get_list(names.TARGET) == ["one/m"] and answer.headers.get_list(names.ATTEMPTS) == ["1"]
    assert "forged" not in answer.headers[names.REQUEST_ID]
    assert not [name for name in answer.headers if name.startswith(names.CTL_PREFIX)]


# --- smuggling -------------------------------------------------------------------------------------------------------

HIDDEN = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-hidden: yes\r\ncontent-length: 2\r\n\r\n{}"
SHAPES = {
    "chunked and a length": post(
        b"0\r\n\r\n" + HIDDEN, b"content-length: 4", b"transfer-encoding: chunked", framed=False
    ),
    "two lengths": post(SMALL, b"content-length: 3"),
    "two lengths in one": post(SMALL, b"content-length: 3, %d" % len(SMALL), framed=False),
    "a signed length": post(SMALL, b"content-length: +%d" % len(SMALL), framed=False),
    "a negative length": post(SMALL, b"content-length: -1", framed=False),
    "a space before the colon": post(SMALL, b"x-spaced : a"),
    "a bad chunk": post(b"zz\r\n" + SMALL + b"\r\n0\r\n\r\n", b"transfer-encoding: chunked", framed=False),
    "an unknown coding": post(SMALL, b"transfer-encoding: xchunked", framed=False),
    "chunked twice": post(b"0\r\n\r\n", b"transfer-encoding: chunked, chunked", framed=False),
    "a nul in a header": post(SMALL, b"x-nul: a\0b"),
    "no host": b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_of_request_smuggling_ends_at_the_edge(gateway: Gateway, quiet: Upstream, shape: str) -> None:
    answer = exchange(gateway.port, SHAPES[shape])
    assert answer.status in (400, 501), answer.head
    time.sleep(0.05)
    assert quiet.asked == [] and quiet.garbled == [], "something reached the upstream"


@pytest.mark.parametrize("header", [b"x-odd: a\r\n b", b"x-odd: a\rb", b"x-odd: a\r\rx-injected: 1"])
def test_a_header_that_is_mended_can_inject_nothing(gateway: Gateway, quiet: Upstream, header: bytes) -> None:
    """A folded line or a bare return may be refused or made one value; it never becomes a line of its own."""
    answer = exchange(gateway.port, b"GET /files/odd HTTP/1.1\r\nhost: x\r\n" + header + b"\r\n\r\n")
    assert answer.status in (200, 400) and quiet.garbled == []
    for asked in quiet.asked:
        assert asked.path == "/files/odd" and "x-injected" not in asked.headers
        assert not set("\r\n") & set(asked.headers["x-odd"])


def test_bytes_in_a_header_that_are_no_utf8_break_nothing(gateway: Gateway, quiet: Upstream) -> None:
    """Refused or passed without them; the processor lives either way."""
    before = gateway.processor_pid
    for header in (b"x-extproc-team: \xff\xfe", b"x-other: \x80\xff", b"user-agent: \xff", b"accept: \xe9"):
        answer = exchange(gateway.port, post(SMALL, header))
        assert answer.status in (200, 400), answer.head + answer.rest
    assert httpx.post(gateway.url + CHAT, content=SMALL, trust_env=False).status_code == 200
    assert gateway.processor_pid == before and gateway.metric("extproc_bugs_total") == 0


# --- paths and methods -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [b"/v1//chat/completions", b"/v1/./chat/completions", b"/x/../v1/chat/completions"])
def test_a_path_is_normalised_before_it_is_matched(gateway: Gateway, quiet: Upstream, path: bytes) -> None:
    assert exchange(gateway.port, post(SMALL, path=path)).status == 200
    assert quiet.asked[-1].path == CHAT


@pytest.mark.parametrize("path", [b"/v1%2Fchat/completions", b"/files/..%2fv1", b"/files%5c..%5cv1"])
def test_an_escaped_slash_is_refused(gateway: Gateway, quiet: Upstream, path: bytes) -> None:
    assert exchange(gateway.port, post(SMALL, path=path)).status == 400
    assert quiet.asked == []


def test_an_unknown_endpoint_is_404_with_the_list(gateway: Gateway, quiet: Upstream) -> None:
    answer = httpx.post(f"{gateway.url}/v1/chat/compeltions", json=body("m"), trust_env=False)
    error = answer.json()["error"]
    assert answer.status_code == 404 and error["code"] == "unknown_endpoint" and CHAT in error["message"]
    assert quiet.asked == []


def test_what_no_route_matches_is_404_in_json(gateway: Gateway) -> None:
    answer = httpx.get(f"{gateway.url}/nowhere", trust_env=False)
    assert answer.status_code == 404 and answer.json()["error"]["code"] in ("route_not_found", "unknown_endpoint")


def test_a_wrong_method_is_405(gateway: Gateway, quiet: Upstream) -> None:
    answer = httpx.get(gateway.url + CHAT, trust_env=False)
    assert answer.status_code == 405 and answer.json()["error"]["code"] == "method_not_allowed"
    assert quiet.asked == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"x"', b'{"model":"\xff"}', b'{"a":1}{"a":2}'])
def test_a_body_that_is_no_json_object_is_400(gateway: Gateway, quiet: Upstream, content: bytes) -> None:
    answer = httpx.post(gateway.url + CHAT, content=content, trust_env=False)
    assert answer.status_code == 400 and answer.json()["error"]["type"] == "invalid_request_error"
    assert quiet.asked == []


def test_no_body_and_no_length_is_400(gateway: Gateway) -> None:
    assert exchange(gateway.port, post(b"", framed=False)).status == 400


def test_an_upgrade_is_not_spoken_on_the_llms_paths(gateway: Gateway, quiet: Upstream) -> None:
    """It is refused at once: nothing hangs because one was asked for, and nothing reaches a provider."""
    asks = b"GET %b HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n"
    began = time.monotonic()
    assert exchange(gateway.port, asks % CHAT.encode()).status in (400, 403, 404, 405, 426)
    assert time.monotonic() - began < 3 and quiet.asked == []
