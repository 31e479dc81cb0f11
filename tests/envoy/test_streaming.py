"""Streams pass as they come: in time, whole, and with a visible end, whatever becomes of us meanwhile."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from extproc import names
from extproc.demo.catalog import Speed
from tests.envoy.demo import CHAT, Demo, body, demo, events
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually
from tests.envoy.upstream import LAST_CHUNK, SSE_HEAD, Asked, Upstream, chunk, scripted, whole

GAP = 0.15  # seconds between events
EVENTS = 8
LATE = 0.1  # how much later than sent an event may be seen on a busy machine


NEVER_SHUT = {"circuit_breaker": {"failure_threshold": 1000}}  # it fails on purpose, again and again


def event(number: int) -> bytes:
    said = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "sent": time.time()}
    delta = {"index": 0, "delta": {"content": f"w{number} "}, "finish_reason": None}
    return b"data: " + json.dumps({**said, "choices": [delta]}).encode() + b"\n\n"


async def paced(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Streams EVENTS events, GAP apart; without `stream` one JSON answer after the same time."""
    if not json.loads(asked.body).get("stream"):
        await asyncio.sleep(GAP * EVENTS)
        writer.write(whole(b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}'))
        return
    writer.write(SSE_HEAD)
    for number in range(EVENTS):
        writer.write(chunk(event(number)))
        await writer.drain()
        await asyncio.sleep(GAP)
    writer.write(chunk(b"data: [DONE]\n\n") + LAST_CHUNK)
    await writer.drain()


async def cut(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Breaks off in the middle, after what was sent had time to pass."""
    streamed = json.loads(asked.body).get("stream")
    writer.write(SSE_HEAD + chunk(event(0)) if streamed else whole(b"w0" * 5000)[:5000])
    await writer.drain()
    await asyncio.sleep(GAP)
    writer.close()


@pytest.fixture(scope="module")
def cutting() -> Iterator[Upstream]:
    with scripted(cut) as upstream:
        yield upstream


async def cut_at_once(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(SSE_HEAD + chunk(event(0)))
    await writer.drain()
    writer.close()


@pytest.fixture(scope="module")
def hasty() -> Iterator[Upstream]:
    with scripted(cut_at_once) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def slow() -> Iterator[Upstream]:
    with scripted(paced) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def endless() -> Iterator[Demo]:
    """Two tokens a second, so an answer takes longer than a test."""
    with demo("endless", speed=Speed(0.0, 2)) as endless:
        yield endless


@pytest.fixture(scope="module")
def gateway(
    demos: dict[str, Demo], slow: Upstream, cutting: Upstream, hasty: Upstream, endless: Demo
) -> Iterator[Gateway]:
    config = {
        "providers": {
            "lab": demos["lab"].configured(),
            "slow": {"dialect": "openai", "base_url": f"{slow.origin}/v1", "models": ["slow"]},
            "hasty": {"dialect": "openai", "base_url": f"{hasty.origin}/v1", "models": ["cut at once"], **NEVER_SHUT},
            "cutting": {"dialect": "openai", "base_url": f"{cutting.origin}/v1", "models": ["cutting"], **NEVER_SHUT},
            "endless": endless.configured(models=["endless"]),
        },
        "routes": [
            {"name": "exact", "match": {"path": "/v1/*", "headers": {"x-usage": "exact"}}, "usage": "exact"},
            {"name": "attended", "match": {"path": "/v1/*", "headers": {"x-usage": "attend"}}, "attend": True},
            {"name": "plain", "match": {"path": "/v1/*"}},
        ],
    }
    with running(config) as gateway:
        yield gateway


def ask(gateway: Gateway, model: str, usage: str = "as_sent", **more: Any) -> httpx.Response:
    content = body(model, stream=True, **more)
    return httpx.post(gateway.url + CHAT, json=content, headers={"x-usage": usage}, trust_env=False, timeout=30)


@pytest.mark.parametrize("usage", ["as_sent", "exact", "attend"])
def test_each_event_is_seen_when_it_was_sent(gateway: Gateway, usage: str) -> None:
    """The first token too. The sender's clock stands in each event; it is the same machine's."""
    late = []
    with httpx.stream(
        "POST", gateway.url + CHAT, json=body("slow", stream=True), headers={"x-usage": usage}, trust_env=False
    ) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                late.append(time.time() - json.loads(line[6:])["sent"])
    assert len(late) == EVENTS
    assert max(late) < GAP + LATE and sorted(late)[EVENTS // 2] < LATE, late


def test_a_stream_passes_byte_for_byte(gateway: Gateway, lab: Demo) -> None:
    through = ask(gateway, "m").content
    lab.clear()
    said = [each for each in through.split(b"\n\n") if each]
    assert said[-1] == b"data: [DONE]" and through.endswith(b"\n\n")
    assert all(each.startswith(b'data: {"id":"chatcmpl-lab') for each in said[:-1])


def asked_usage(received: dict[str, Any]) -> bool:
    options = json.loads(received["body"]).get("stream_options") or {}
    return bool(options.get("include_usage"))


def usage_events(answer: httpx.Response) -> list[Any]:
    return [each["usage"] for each in events(answer.text) if isinstance(each, dict) and each.get("usage")]


def test_as_sent_never_asks_for_usage_and_says_that_it_is_estimated(gateway: Gateway, lab: Demo) -> None:
    answer = ask(gateway, "m")
    assert not asked_usage(lab.last()) and usage_events(answer) == []
    usage = gateway.decision(answer.headers[names.REQUEST_ID])["usage"]
    assert usage["estimated"] is True and usage["output"] > 0


def test_as_sent_knows_the_usage_that_the_caller_asked_for(gateway: Gateway, lab: Demo) -> None:
    answer = ask(gateway, "m", stream_options={"include_usage": True})
    (said,) = usage_events(answer)
    line = gateway.decision(answer.headers[names.REQUEST_ID])
    assert (line["usage"]["input"], line["usage"]["output"]) == (said["prompt_tokens"], said["completion_tokens"])
    assert line["usage"]["estimated"] is False and line["ttft_ms"] >= 0


def test_exact_asks_and_hides_the_chunk_from_who_did_not(gateway: Gateway, lab: Demo) -> None:
    answer = ask(gateway, "m", usage="exact")
    assert asked_usage(lab.last()), "the provider was not asked for usage"
    said = events(answer.text)
    assert said[-1] == "[DONE]" and usage_events(answer) == []
    assert not [each for each in said if isinstance(each, dict) and each["choices"] == []]
    usage = gateway.decision(answer.headers[names.REQUEST_ID])["usage"]
    assert usage["estimated"] is False and usage["input"] > 0 and usage["output"] > 0


def test_exact_leaves_the_chunk_to_who_asked(gateway: Gateway) -> None:
    answer = ask(gateway, "m", usage="exact", stream_options={"include_usage": True})
    assert len(usage_events(answer)) == 1 and events(answer.text)[-1] == "[DONE]"


KINDS_OF_CUT = [("as_sent", True), ("exact", True), ("attend", True), ("as_sent", False), ("exact", False)]


@pytest.mark.parametrize(("usage", "stream"), KINDS_OF_CUT)
def test_a_cut_upstream_is_an_incomplete_read(gateway: Gateway, usage: str, stream: bool) -> None:
    """Never a clean end: the client's own library must notice."""
    got = b""
    with (
        pytest.raises(httpx.RemoteProtocolError),
        httpx.stream(
            "POST",
            gateway.url + CHAT,
            json=body("cutting", stream=stream),
            headers={"x-usage": usage},
            trust_env=False,
            timeout=10,
        ) as answer,
    ):
        for piece in answer.iter_raw():
            got += piece
    assert answer.status_code == 200 and b"w0" in got and b"[DONE]" not in got
    assert gateway.decision(answer.headers[names.REQUEST_ID])["cut"] is True


def test_a_cut_of_what_is_read_whole_is_an_error_with_its_id(gateway: Gateway) -> None:
    """An attended answer that is no stream is looked at whole; nothing was passed on, so the caller gets an error."""
    content = body("cutting")
    answer = httpx.post(gateway.url + CHAT, json=content, headers={"x-usage": "attend"}, trust_env=False)
    assert answer.status_code == 502 and answer.json()["error"]["code"] == "upstream_failed"
    assert gateway.decision(answer.headers[names.REQUEST_ID])["cut"] is True
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("usage", ["exact", "attend"])
def test_an_attended_stream_that_is_cut_at_once_is_never_a_clean_end(gateway: Gateway, usage: str) -> None:
    """Its head may still be looked at then: the caller gets a broken transfer or an error with its id, nothing else."""
    for _ in range(6):
        try:
            answer = httpx.post(
                gateway.url + CHAT, json=body("cut at once", stream=True), headers={"x-usage": usage}, trust_env=False
            )
        except httpx.RemoteProtocolError:
            continue
        assert answer.status_code == 502 and answer.json()["error"]["code"] == "upstream_failed"
        assert answer.headers["x-should-retry"] == "false"
        assert gateway.decision(answer.headers[names.REQUEST_ID])["cut"] is True


@pytest.mark.parametrize("usage", ["as_sent", "exact", "attend"])
def test_a_caller_that_leaves_cancels_the_upstream(gateway: Gateway, endless: Demo, usage: str) -> None:
    endless.clear()
    content = body("endless", stream=True)
    with httpx.stream("POST", gateway.url + CHAT, json=content, headers={"x-usage": usage}, trust_env=False) as answer:
        next(answer.iter_raw())
    assert endless.ending_of_last() == "client_left"
    assert gateway.decision(answer.headers[names.REQUEST_ID])["client_left"] is True


def test_a_caller_that_leaves_before_an_answer_cancels_the_upstream(gateway: Gateway, lab: Demo) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(gateway.url + CHAT, json=body("fault-hang"), trust_env=False, timeout=0.4)
    assert lab.ending_of_last() == "client_left"


async def _outlives(gateway: Gateway, streamed: bool) -> tuple[int, bytes]:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        asking = asyncio.ensure_future(client.post(gateway.url + CHAT, json=body("slow", stream=streamed)))
        await asyncio.sleep(GAP * 3)
        os.kill(gateway.processor_pid, signal.SIGKILL)
        answer = await asking
        return answer.status_code, answer.content


@pytest.mark.parametrize("streamed", [True, False], ids=["stream", "whole"])
def test_what_is_unattended_survives_the_processors_death(gateway: Gateway, streamed: bool) -> None:
    """An open stream, and a JSON answer that is still waited for, run to their end while the processor is killed."""
    before = gateway.processor_pid
    status, content = asyncio.run(_outlives(gateway, streamed))
    assert status == 200
    assert content.endswith(b"data: [DONE]\n\n") if streamed else json.loads(content)["usage"]
    eventually(lambda: gateway.is_ready() and gateway.processor_pid != before, "another processor", 20)


def test_an_estimate_of_a_stream_is_priced(demos: dict[str, Demo]) -> None:
    """Price of a million tokens times the tokens that are in the line, to the nano-dollar."""
    priced = {"name": "m", "price": {"input": 3, "output": 15}}
    with running({"providers": {"lab": demos["lab"].configured(models=[priced])}}) as gateway:
        for more in ({}, {"stream_options": {"include_usage": True}}):
            line = gateway.decision(ask(gateway, "m", **more).headers[names.REQUEST_ID])
            expected = (line["usage"]["input"] * 3 + line["usage"]["output"] * 15) / 1_000_000
            assert abs(float(line["cost"]) - expected) < 1e-9


# --- the end of the gateway ------------------------------------------------------------------------------------------


def test_a_stream_that_runs_when_the_gateway_is_told_to_end_comes_to_its_end() -> None:
    """SIGTERM: no more requests, and open exchanges get `--drain`."""
    with scripted(paced) as upstream:
        config = {"providers": {"slow": {"dialect": "openai", "base_url": f"{upstream.origin}/v1", "models": ["m"]}}}
        gateway = Gateway(config, ["--drain", "10s"]).start()
        with httpx.stream("POST", gateway.url + CHAT, json=body("m", stream=True), trust_env=False) as answer:
            pieces = answer.iter_bytes()
            got = next(pieces)
            assert gateway.process is not None
            gateway.process.send_signal(signal.SIGTERM)
            got += b"".join(pieces)
        assert got.count(b"data: ") == EVENTS + 1 and got.endswith(b"data: [DONE]\n\n")
        assert gateway.stop() == 0
