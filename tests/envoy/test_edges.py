"""What comes in from outside is hostile until shown otherwise: sizes, shapes, spoofed headers, paths, crowds."""

import asyncio
import json
import time
from collections.abc import Iterator

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.raw import exchange, post
from tests.envoy.upstream import SSE_HEAD, Asked, Upstream, chunk, scripted, whole

MIB = 1 << 20
LIMIT = 16 * MIB
CROWD = 1000
SMALL = json.dumps(body("m")).encode()


async def obliging(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """`answer-N` as the model or at the end of the path: N bytes of JSON. A stream: one event, then silence."""
    content = json.loads(asked.body) if asked.body.startswith(b"{") else {}
    if content.get("stream"):
        writer.write(SSE_HEAD + chunk(b'data: {"choices":[]}\n\n'))
        await writer.drain()
        await asyncio.Event().wait()
    if asked.headers.get("upgrade") == "echo":
        writer.write(b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nwelcome")
        await writer.drain()
        await asyncio.sleep(1)
        writer.close()
        return
    named = str(content.get("model", asked.path))
    size = int(named.rpartition("answer-")[2]) if "answer-" in named else 0
    text = b'{"choices":[],"pad":"' + b"x" * size + b'","usage":{"prompt_tokens":1,"completion_tokens":2}}'
    writer.write(whole(text))
    await writer.drain()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with scripted(obliging) as upstream:
        yield upstream


@pytest.fixture
def quiet(upstream: Upstream) -> Upstream:
    """The same, with nothing kept of what came before."""
    upstream.asked.clear()
    upstream.garbled.clear()
    return upstream


@pytest.fixture(scope="module")
def gateway(upstream: Upstream) -> Iterator[Gateway]:
    provider = {"dialect": "openai", "base_url": f"{upstream.origin}/v1"}
    config = {
        "providers": {"one": {**provider, "models": ["*"]}, "two": {**provider, "models": ["second"]}},
        "services": {"files": {"endpoints": [upstream.origin]}},
        "aliases": {"renamed": ["two/answer-1153433"]},
        "routes": [
            {"name": "files", "match": {"path": "/files/*"}, "service": "files"},
            {"name": "attended", "match": {"path": "/v1/*", "headers": {"x-kind": "attend"}}, "attend": True},
            {"name": "exact", "match": {"path": "/v1/*", "headers": {"x-kind": "exact"}}, "usage": "exact"},
            {
                "name": "first",
                "match": {"path": "/v1/*", "headers": {"x-kind": "first"}},
                "failover": {"first_event": True},
            },
            {"name": "plain", "match": {"path": "/v1/*"}},
        ],
        "limits": {"body": LIMIT},
    }
    with running(config) as gateway:
        yield gateway


# --- sizes -----------------------------------------------------------------------------------------------------------


def large(size: int) -> bytes:
    return json.dumps({**body("m"), "pad": "x" * size}).encode()


def test_a_body_over_the_limit_is_413_in_json(gateway: Gateway, quiet: Upstream) -> None:
    answer = httpx.post(gateway.url + CHAT, content=large(LIMIT), trust_env=False, timeout=30)
    assert answer.status_code == 413 and answer.json()["error"]["code"] == "request_too_large"
    assert quiet.asked == []


def test_a_chunked_body_over_the_limit_is_413_too(gateway: Gateway, quiet: Upstream) -> None:
    content = large(LIMIT)
    pieces = (content[start : start + 65536] for start in range(0, len(content), 65536))
    try:
        answer = httpx.post(gateway.url + CHAT, content=pieces, trust_env=False, timeout=30)
    except httpx.WriteError:  # refused before all of it was sent
        pass
    else:
        assert answer.status_code == 413
    assert quiet.asked == []


@pytest.mark.parametrize("model", ["m", "renamed"], ids=["untouched", "rewritten"])
def test_a_body_of_twelve_megabytes_passes(gateway: Gateway, quiet: Upstream, model: str) -> None:
    content = large(12_000_000).replace(b'"m"', b'"%b"' % model.encode(), 1)
    answer = httpx.post(gateway.url + CHAT, content=content, trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text[:500]
    upstreams = b'"m"' if model == "m" else b'"answer-1153433"'
    assert quiet.asked[-1].body == content.replace(b'"%b"' % model.encode(), upstreams, 1)


@pytest.mark.parametrize("size", [1_153_433, 8 * MIB, 64 * MIB], ids=["1.1 MiB", "8 MiB", "64 MiB"])
@pytest.mark.parametrize("kind", ["plain", "attend", "exact", "first", "service"])
def test_a_large_answer_passes_on_every_kind_of_route(gateway: Gateway, kind: str, size: int) -> None:
    """Answers over a megabyte have crashed Envoy where a filter looked at them in the wrong place."""
    before = gateway.envoy_pid
    if kind == "service":
        answer = httpx.get(f"{gateway.url}/files/answer-{size}", trust_env=False, timeout=60)
    else:
        content = body(f"answer-{size}")
        answer = httpx.post(gateway.url + CHAT, json=content, headers={"x-kind": kind}, trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text[:500]
    assert len(json.loads(answer.content)["pad"]) == size
    assert gateway.envoy_pid == before
    if kind != "service":
        assert gateway.decision(answer.headers[names.REQUEST_ID])["usage"]["output"] == 2


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


def test_an_upstream_cannot_forge_what_the_answer_says(demos: dict[str, Demo]) -> None:
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


def test_an_upgrade_reaches_a_service_and_no_provider(gateway: Gateway, quiet: Upstream) -> None:
    """On the LLM's paths an upgrade is not spoken, and nothing hangs because one was asked for."""
    asks = b"GET %b HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n"
    began = time.monotonic()
    assert exchange(gateway.port, asks % CHAT.encode()).status in (400, 403, 404, 405, 426)
    assert time.monotonic() - began < 3 and quiet.asked == []


# --- crowds ----------------------------------------------------------------------------------------------------------


async def _open(port: int) -> asyncio.StreamWriter:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post(json.dumps(body("m", stream=True)).encode()))
    head = await asyncio.wait_for(reader.readuntil(b"data: "), 60)
    assert b" 200 " in head.split(b"\r\n")[0], head
    return writer


async def _first_event(port: int) -> float:
    began = time.perf_counter()
    writer = await _open(port)
    took = time.perf_counter() - began
    writer.close()
    return took


async def _median(port: int) -> float:
    return sorted([await _first_event(port) for _ in range(21)])[10]


async def _crowded(port: int) -> tuple[float, float]:
    alone = await _median(port)
    crowd: list[asyncio.StreamWriter] = []
    for _ in range(CROWD // 50):
        crowd += await asyncio.gather(*(_open(port) for _ in range(50)))
    crowded = await _median(port)
    for writer in crowd:
        writer.close()
    return alone, crowded


def test_a_thousand_open_streams_do_not_slow_a_new_one(gateway: Gateway) -> None:
    """Compared with the same gateway when it is idle, in the same run; the upstream is ours and carries them too."""
    alone, crowded = asyncio.run(_crowded(gateway.port))
    assert crowded < alone * 3 + 0.02, f"{alone * 1000:.1f} ms alone, {crowded * 1000:.1f} ms among {CROWD}"
    assert gateway.is_ready()
