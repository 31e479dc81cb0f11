"""Answers in every format, as the caller is given them: what the official SDK reads, at any split of the bytes."""

import json
from typing import Any

import pytest

from extproc.money import Usage
from extproc.refusal import Refusal
from extproc.translation.pair import Answer
from tests.replay.handwritten import ANSWERS
from tests.translation.asking import chat_call, destination, pair_of, translating
from tests.upstreams.formats import FORMATS
from tests.upstreams.words import Said
from tests.validators.client import validate, validate_stream, why_missing

pytestmark = [
    pytest.mark.sdk,
    pytest.mark.skipif(why_missing() is not None, reason=str(why_missing())),
]
SIZES = (1, 7, 37, 100_000)
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("forecast", "clock")]
# Claude on Vertex AI answers as Anthropic does, and the upstream called `vertex` speaks Gemini's format.
TARGETS = [(dialect, model) for dialect, model in translating() if not (dialect == "vertex" and "claude" in model)]


def asked(**more: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": TOOLS, **more}).encode()


def whole(dialect: str, model: str, said: Said) -> Answer:
    given = Answer(200, (), FORMATS[dialect].whole(said))
    answer = pair_of(dialect, model).answer(chat_call(asked()), destination(dialect, model), given)
    assert not isinstance(answer, Refusal), answer
    return answer


def streamed(dialect: str, model: str, body: bytes, size: int, **more: Any) -> tuple[bytes, Usage | None]:
    stream = pair_of(dialect, model).stream(chat_call(asked(stream=True, **more)), destination(dialect, model))
    pieces = [stream.feed(body[start : start + size]) for start in range(0, len(body), size)]
    return b"".join(pieces) + stream.finish(), stream.usage


@pytest.mark.parametrize(("dialect", "model"), TARGETS)
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_what_the_callers_sdk_knows(dialect: str, model: str, name: str) -> None:
    answer = whole(dialect, model, ANSWERS[name])
    assert validate("chat.completion", json.loads(answer.body)) == []


@pytest.mark.parametrize(("dialect", "model"), TARGETS)
@pytest.mark.parametrize("name", ANSWERS)
def test_a_stream_is_what_the_callers_sdk_knows_at_any_split(dialect: str, model: str, name: str) -> None:
    body = FORMATS[dialect].stream(ANSWERS[name])
    usage_asked = {"stream_options": {"include_usage": True}}
    said, usage = streamed(dialect, model, body, SIZES[0], **usage_asked)
    assert all(streamed(dialect, model, body, size, **usage_asked) == (said, usage) for size in SIZES[1:])
    assert validate_stream(said, usage_asked=True) == []
    assert validate_stream(streamed(dialect, model, body, SIZES[-1])[0]) == []
    assert usage == whole(dialect, model, ANSWERS[name]).usage is not None


@pytest.mark.parametrize(("dialect", "model"), TARGETS)
def test_a_failure_behind_the_headers_is_the_last_word(dialect: str, model: str) -> None:
    body = FORMATS[dialect].failing_stream(ANSWERS["text"])
    said, _ = streamed(dialect, model, body, SIZES[0])
    assert all(streamed(dialect, model, body, size)[0] == said for size in SIZES[1:])
    assert validate_stream(said, may_fail=True) == [] and b'"error"' in said and b"[DONE]" not in said


@pytest.mark.parametrize(("dialect", "model"), TARGETS)
@pytest.mark.parametrize("name", ANSWERS)
def test_a_stream_without_its_end_is_no_whole_answer(dialect: str, model: str, name: str) -> None:
    """Cut in front of the first byte of the event that ends it, and at the very beginning."""
    body = FORMATS[dialect].stream(ANSWERS[name])
    for cut in (0, len(body) // 3):
        said, _ = streamed(dialect, model, body[:cut], SIZES[-1])
        assert b'"error"' in said and b"[DONE]" not in said, said
