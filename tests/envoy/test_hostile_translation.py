"""Malformed requests and malformed answers through the real gateway, in front of every dialect there is.

Law: the caller gets 4xx, 502, or a well-formed answer, each in the caller's dialect and soon; the log has no traceback.
"""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.envoy.gateway import Gateway, running
from tests.envoy.upstream import LAST_CHUNK, Asked, chunk, scripted
from tests.sdk.translated import DIALECTS, Translating, translating
from tests.translation.malformed import bodies
from tests.upstreams.formats import FORMATS, NEEDED
from tests.upstreams.malformed import Malformed, answers
from tests.validators.client import validate, validate_stream, why_missing

COUNT = 40
EVERY = 200  # of which those 40 are a sample
PATIENCE = 15.0
TRACE = "00-{number:032x}-00000000000000a1-01"

pytestmark = [
    pytest.mark.sdk,
    pytest.mark.skipif(why_missing() is not None, reason=str(why_missing())),
]


@pytest.fixture(scope="module")
def stage() -> Iterator[Translating]:
    with translating() as found:
        yield found
    assert "Traceback" not in found.gateway.err.text()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_malformed_request_is_a_4xx_in_the_callers_dialect(stage: Translating, dialect: str) -> None:
    sample = list(bodies(EVERY, dialect))[:: EVERY // COUNT]
    assert len(sample) == COUNT
    for body in sample:
        answer = posted(stage.gateway, body)
        if dialect == "openai" and answer.status_code == 200:
            continue  # it passes as it came, and what comes back does too
        _assert_well_formed(answer, body[:500], most=499)


def posted(gateway: Gateway, body: bytes, **headers: str) -> httpx.Response:
    given = {"content-type": "application/json", **headers}
    url = f"{gateway.url}/v1/chat/completions"
    return httpx.post(url, content=body, headers=given, timeout=PATIENCE, trust_env=False)


def _assert_well_formed(answer: httpx.Response, about: object, most: int) -> None:
    assert answer.status_code <= most, (answer.status_code, answer.text[:500], about)
    if answer.status_code >= 400:
        assert validate("error", answer.json()) == [], (answer.text[:500], about)
    elif answer.headers["content-type"].startswith("text/event-stream"):
        problems = [line for line in validate_stream(answer.content, may_fail=True) if "arguments:" not in line]
        assert problems == [], (answer.text[:2000], about)
    else:
        assert validate("chat.completion", answer.json()) == [], (answer.text[:500], about)


@dataclass(frozen=True, slots=True)
class Wrong:
    gateway: Gateway
    answers: dict[str, list[Malformed]]


@pytest.fixture(scope="module")
def wrong() -> Iterator[Wrong]:
    """One upstream a dialect; which wrong answer it gives is the number in `traceparent`."""
    with contextlib.ExitStack() as stack:
        made = {name: list(answers(FORMATS[name], EVERY))[:: EVERY // COUNT] for name in DIALECTS if name != "openai"}
        providers = {
            name: {
                "dialect": name,
                "base_url": stack.enter_context(scripted(_giving(each))).origin,
                "models": [{"name": name, "upstream": FORMATS[name].model}],
                "circuit_breaker": {"failure_threshold": 1_000_000},
                **NEEDED.get(name, {}),
            }
            for name, each in made.items()
        }
        if not providers:
            pytest.skip("no pair translates a chat to another dialect")
        gateway = stack.enter_context(running({"providers": providers}))
        yield Wrong(gateway, made)
    assert "Traceback" not in gateway.err.text()


def _giving(made: list[Malformed]):  # type: ignore[no-untyped-def]
    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        each = made[int(asked.headers["traceparent"].split("-")[1], 16)]
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {each.content_type}\r\n"
        framing = "transfer-encoding: chunked" if each.streamed else f"content-length: {len(each.body)}"
        writer.write(f"{head}{framing}\r\n\r\n".encode())
        half = len(each.body) // 2
        for part in (each.body[:half], each.body[half:]):
            if part:
                writer.write(chunk(part) if each.streamed else part)
                await writer.drain()
        if each.streamed:
            writer.write(LAST_CHUNK)
        await writer.drain()

    return script


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "openai"])
def test_a_malformed_answer_is_a_502_or_an_error_event(wrong: Wrong, dialect: str) -> None:
    assert len(wrong.answers[dialect]) == COUNT
    for number, each in enumerate(wrong.answers[dialect]):
        asked = {"model": dialect, "messages": [{"role": "user", "content": "x"}], "stream": each.streamed}
        tools = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("forecast", "clock")]
        body = json.dumps({**asked, "tools": tools}).encode()
        answer = posted(wrong.gateway, body, traceparent=TRACE.format(number=number))
        _assert_well_formed(answer, each, most=502)
        if each.incomplete:
            failed = answer.status_code == 502 or b'"error"' in answer.content
            assert failed, (answer.status_code, answer.text[:500], each)
