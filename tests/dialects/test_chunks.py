"""Answers in the OpenAI dialect, whole and chunk by chunk."""

import json
from typing import Any

import pytest

from extproc.dialects.openai.as_stream import as_stream
from extproc.dialects.openai.chat import Thought
from extproc.dialects.openai.chunks import ChunkWriter
from extproc.dialects.openai.completion import MadeCall, MadeChoice, completion
from extproc.dialects.openai.stamp import Stamp
from extproc.money import Usage
from extproc.refusal import Reason, Refusal

STAMP = Stamp("chatcmpl-1", 1_700_000_000, "claude")
USAGE = Usage(input=10, output=5, cached_input=4, reasoning=2)


def chunks(stream: bytes) -> list[Any]:
    events = [event.removeprefix("data: ") for event in stream.decode().split("\n\n") if event]
    return [event if event == "[DONE]" else json.loads(event) for event in events]


def test_a_stream_follows_the_rules_of_chunks() -> None:
    writer = ChunkWriter(STAMP, include_usage=True)
    head = writer.begin()
    index, begun = writer.call("c1", "f")
    said = (
        head + writer.thinking("hm") + writer.thought(Thought("hm", "sig")) + writer.text("hi") + begun
        + writer.arguments(index, '{"a":') + writer.arguments(index, "1}") + writer.finish("stop") + writer.end(USAGE)
    )  # fmt: skip
    *told, usage, done = chunks(said)
    assert done == "[DONE]"
    assert {(one["id"], one["created"], one["model"], one["object"]) for one in [*told, usage]} == {
        ("chatcmpl-1", 1_700_000_000, "claude", "chat.completion.chunk")
    }
    assert all(one["usage"] is None for one in told)
    assert usage["choices"] == []
    assert usage["usage"]["prompt_tokens_details"]["cached_tokens"] == 4
    deltas = [one["choices"][0]["delta"] for one in told]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert sum("role" in delta for delta in deltas) == 1
    first, *pieces = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
    assert first == {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
    assert pieces == [{"index": 0, "function": {"arguments": piece}} for piece in ('{"a":', "1}")]
    assert [one["choices"][0]["finish_reason"] for one in told if one["choices"][0]["finish_reason"]] == ["tool_calls"]


def test_usage_is_told_only_where_it_was_asked_for() -> None:
    writer = ChunkWriter(STAMP, include_usage=False)
    *told, _ = chunks(writer.text("hi") + writer.finish("length") + writer.end(USAGE))
    assert not any("usage" in one for one in told)
    assert told[-1]["choices"][0]["finish_reason"] == "length"


def test_a_failure_is_an_error_event_without_an_end() -> None:
    writer = ChunkWriter(STAMP, include_usage=True)
    last = chunks(writer.text("hi") + writer.fail(Refusal(Reason.UPSTREAM_ERROR, "overloaded")))[-1]
    assert last["error"]["message"] == "overloaded"
    assert writer.ended


CHOICE = MadeChoice(
    text="hi", finish="stop", calls=(MadeCall("c1", "f", "{}", "sig"),), thoughts=(Thought("hm", "s", None, "x"),)
)


def test_a_whole_answer() -> None:
    whole = json.loads(completion(STAMP, [CHOICE], USAGE))
    assert whole["choices"][0]["finish_reason"] == "tool_calls", "whoever calls a tool ends with it"
    message = whole["choices"][0]["message"]
    assert message["reasoning_content"] == "hm"
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "x", "index": 0}
    ]
    assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "sig"}}
    assert whole["usage"]["total_tokens"] == 15


@pytest.mark.parametrize("include_usage", [True, False])
def test_a_whole_answer_can_be_told_as_a_stream(include_usage: bool) -> None:
    *told, done = chunks(as_stream(completion(STAMP, [CHOICE], USAGE), include_usage))
    assert done == "[DONE]"
    delta = told[0]["choices"][0]["delta"]
    assert (delta["role"], delta["content"], delta["tool_calls"][0]["index"]) == ("assistant", "hi", 0)
    assert told[1]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "tool_calls"}
    assert [one["usage"]["total_tokens"] for one in told if one.get("usage")] == ([15] if include_usage else [])
