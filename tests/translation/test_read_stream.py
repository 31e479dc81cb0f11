"""What all streams that are read frame by frame have in common."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from extproc.dialects import sse
from extproc.dialects.tolerant import text
from extproc.refusal import Reason
from extproc.translation.pair import Call, Destination
from extproc.translation.read_stream import KEEP_ALIVE, CallPieces, EventFrames, HeldWords, ReadStream
from tests.dialects import aws_frames
from tests.translation.asking import chat_call, destination, pair_of
from tests.translation.providers import MISTRAL


class Told(ReadStream):
    """Writes `text`; `end` ends it."""

    def _on(self, told: Mapping[str, Any]) -> bytes:
        if "end" in told:
            return self._write().finish("stop") + self._write().end(None)
        return self._write(text(told, "model")).text(text(told, "text"))


def stream(limit: int = 1000) -> Told:
    return Told(Call("chat", id="x", created=1), Destination(MISTRAL, "m"), EventFrames(limit))


def fed(data: bytes, size: int = 1, limit: int = 1000) -> tuple[bytes, Told]:
    reading = stream(limit)
    pieces = [reading.feed(data[at : at + size]) for at in range(0, len(data), size)]
    return b"".join(pieces) + reading.finish(), reading


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_stream_that_ends_well_is_followed_by_nothing(size: int) -> None:
    out, reading = fed(
        b': ping\r\n\r\ndata: {"text":"a","model":"named"}\r\n\r\ndata: {"end":1}\n\ndata: {"text":"b"}\n\n', size
    )
    assert out.startswith(KEEP_ALIVE) and out.endswith(b"data: [DONE]\n\n") and b'"b"' not in out
    assert out.count(b'"model":"named"') == 3
    assert reading.failure is None and reading.finish() == b""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'data: {"text":"a"}\n\n', Reason.UPSTREAM_GARBLED),
        (b'data: {"text":"a"}\n\ndata: [DONE]\n\n', Reason.UPSTREAM_GARBLED),
        (b"data: [1]\n\n", Reason.UPSTREAM_GARBLED),
        (b"data: {broken\n\n", Reason.UPSTREAM_GARBLED),
        (b"", Reason.UPSTREAM_GARBLED),
        (b'data: {"text":"' + b"x" * 2000 + b'"}\n\n', Reason.UPSTREAM_GARBLED),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 5000])
def test_a_stream_that_goes_wrong_fails_once(data: bytes, reason: Reason, size: int) -> None:
    out, reading = fed(data, size)
    assert reading.failure is not None and reading.failure.reason is reason
    assert out.count(b'"error"') == 1 and b"[DONE]" not in out
    assert reading.feed(b'data: {"text":"later"}\n\n') + reading.finish() == b""


def test_the_last_event_may_save_its_empty_line() -> None:
    out, reading = fed(b'data: {"text":"a"}\n\ndata: {"end":1}')
    assert reading.failure is None and out.endswith(b"data: [DONE]\n\n")


def test_a_call_without_arguments_gets_empty_ones() -> None:
    reading = stream()
    writer, pieces = reading._write(), CallPieces()
    out = pieces.begin(writer, "a", "t", "") + pieces.begin(writer, "b", "t", "")
    out += pieces.piece(writer, '{"x"') + pieces.piece(writer, ":1}") + pieces.close(writer)
    assert out.count(b'"arguments":"{}"') == 1 and out.count(b'"id":"') == 2 + out.count(b'"id":"chatcmpl-')


def test_words_that_wait_are_bounded_and_come_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extproc.translation.read_stream.LARGEST_HELD", 5)
    held = HeldWords()
    assert [held.keep("abc"), held.keep("de"), held.keep("f")] == [True, True, False]
    assert (held.take(), held.take()) == ("abcdef", "")
    assert held.keep("again")


@pytest.mark.parametrize(
    ("dialect", "model", "frames"),
    [
        (
            "anthropic",
            "claude-sonnet-4-0",
            [
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "too long"}},
            ],
        ),
        (
            "bedrock",
            "anthropic.claude-sonnet-4-20250514-v1:0",
            [{"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "too long"}}}],
        ),
    ],
)
def test_an_answer_that_waits_for_its_form_for_ever_fails(
    dialect: str, model: str, frames: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extproc.translation.read_stream.LARGEST_HELD", 5)
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    body = msgspec.json.encode({"messages": [{"role": "user", "content": "?"}], "response_format": form})
    reading = pair_of(dialect, model).stream(chat_call(body, stream=True), destination(dialect, model))
    if dialect == "bedrock":
        data = b"".join(aws_frames.event(kind, told) for frame in frames for kind, told in frame.items())
    else:
        data = b"".join(sse.encode(msgspec.json.encode(frame)) for frame in frames)
    assert b'"error"' in reading.feed(data)
    assert reading.failure is not None and reading.failure.reason is Reason.UPSTREAM_GARBLED
