"""What is large or many: bodies up to the limit and over it, answers of megabytes, a thousand open streams."""

import asyncio
import json
import time
from collections.abc import Iterator

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.raw import post
from tests.envoy.upstream import SSE_HEAD, Asked, Upstream, chunk, scripted, whole

MIB = 1 << 20
LIMIT = 16 * MIB
CROWD = 1000


async def obliging(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """`answer-N` as the model or at the end of the path: N bytes of JSON. A stream: one event, then silence."""
    content = json.loads(asked.body) if asked.body.startswith(b"{") else {}
    if content.get("stream"):
        writer.write(SSE_HEAD + chunk(b'data: {"choices":[]}\n\n'))
        await writer.drain()
        await asyncio.Event().wait()
    named = str(content.get("model", asked.path))
    size = int(named.rpartition("answer-")[2]) if "answer-" in named else 0
    text = b'{"choices":[],"pad":"' + b"x" * size + b'","usage":{"prompt_tokens":1,"completion_tokens":2}}'
    writer.write(whole(text))
    await writer.drain()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with scripted(obliging) as upstream:
        yield upstream


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
