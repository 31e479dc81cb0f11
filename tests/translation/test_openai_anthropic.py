"""Claude behind the OpenAI dialect: what holds for every request, answer and stream. Cases are in tests/golden."""

import dataclasses
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.refusal import Reason, Refusal
from extproc.snapshot import Model
from extproc.translation.openai_anthropic import OpenAIToAnthropic
from extproc.translation.openai_anthropic.stream import LARGEST
from extproc.translation.pair import Answer, Call, Destination, TranslatedRequest
from tests.translation.asking import chat_call
from tests.translation.providers import ANTHROPIC, VERTEX

PAIR = OpenAIToAnthropic()
SONNET = Destination(ANTHROPIC, "claude-sonnet-4-5")
HAIKU = Destination(ANTHROPIC, "claude-3-haiku-20240307")
OPUS = Destination(ANTHROPIC, "claude-opus-5")
ASKED: dict[str, Any] = {"model": "smart", "messages": [{"role": "user", "content": "Hi"}]}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}


def call(**more: Any) -> Call:
    return chat_call(json.dumps({**ASKED, **more}).encode())


def sent(asked: Call, to: Destination = SONNET) -> dict[str, Any]:
    made = PAIR.request(asked, to)
    assert isinstance(made, TranslatedRequest)
    body: dict[str, Any] = json.loads(made.body or b"")
    return body


def streamed(data: bytes, *cuts: int, asked: Call | None = None, to: Destination = SONNET) -> bytes:
    stream = PAIR.stream(asked or call(stream=True), to)
    bounds = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(bounds)]
    return b"".join(map(stream.feed, pieces)) + stream.finish()


# --- requests --------------------------------------------------------------------------------------------------------


def test_every_body_changes_and_every_answer_is_read() -> None:
    assert PAIR.needs_body(call(), SONNET)
    assert PAIR.reads_answer(call(), SONNET)


def test_a_prefix_of_the_address_stays_and_the_callers_query_goes() -> None:
    to = dataclasses.replace(SONNET, provider=dataclasses.replace(ANTHROPIC, path_prefix="/llm"))
    made = PAIR.request(dataclasses.replace(call(), query="api-version=1"), to)
    assert isinstance(made, TranslatedRequest)
    assert (made.method, made.path) == ("POST", "/llm/v1/messages")


def test_vertex_without_a_place_is_our_own_fault() -> None:
    to = Destination(dataclasses.replace(VERTEX, project=None), "claude-opus-4-7")
    made = PAIR.request(call(), to)
    assert isinstance(made, Refusal)
    assert (made.reason, "project" in made.message) == (Reason.INTERNAL_ERROR, True)


def test_a_successor_is_told_as_a_loss() -> None:
    to = dataclasses.replace(SONNET, entry=Model(name="claude-2", notice="claude-2 is gone"))
    made = PAIR.request(call(), to)
    assert isinstance(made, TranslatedRequest)
    assert made.losses == ("model: claude-2 is gone",)


def test_the_models_own_cap_is_the_tables() -> None:
    to = dataclasses.replace(SONNET, entry=Model(name="x", max_output=500))
    assert sent(call(), to)["max_tokens"] == 500
    assert sent(call(max_tokens=7), to)["max_tokens"] == 7


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"messages": 1}', b'{"messages": [{"role": "bot"}]}'])
def test_what_is_no_chat_is_refused(body: bytes) -> None:
    made = PAIR.request(chat_call(body), SONNET)
    assert isinstance(made, Refusal)
    assert 400 <= made.status < 500


def test_a_schema_of_great_depth_is_no_crash() -> None:
    deep: Any = {}
    for _ in range(300):
        deep = {"items": deep}
    for to in (SONNET, HAIKU):
        shaped = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object", **deep}}}
        assert sent(call(response_format=shaped, tools=[{"function": {"name": "f", "parameters": deep}}]), to)


IDS = st.text(min_size=1, max_size=90)


@given(st.lists(IDS, min_size=1, max_size=4, unique=True), st.randoms())
def test_ids_of_calls_and_results_stay_together(ids: list[str], chance: Any) -> None:
    calls = [{"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id_ in ids]
    results = [{"role": "tool", "tool_call_id": id_, "content": id_} for id_ in ids]
    chance.shuffle(results)
    messages = [*ASKED["messages"], {"role": "assistant", "tool_calls": calls}, *results]
    asked = chat_call(json.dumps({"messages": messages, "tools": [{"function": {"name": "f"}}]}).encode())
    _, uses, answers = sent(asked)["messages"]
    told = [block["id"] for block in uses["content"]]
    assert len(set(told)) == len(ids)
    assert [block["tool_use_id"] for block in answers["content"]] == told
    texts = [block.get("content", "") for block in answers["content"]]
    assert texts == [id_ if id_.strip() else "" for id_ in ids]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.text(max_size=4) | st.sampled_from(["tool", "text", "auto"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "name", "function"])
            | st.sampled_from(["arguments", "id", "tool_calls", "parameters", "url", "data"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["messages", "tools", "tool_choice", "response_format", "stop", "max_tokens"]
) | st.sampled_from(["temperature", "top_p", "reasoning_effort", "thinking", "user"])


@settings(max_examples=300)
@given(st.dictionaries(FIELDS, JSON, max_size=4), st.sampled_from([SONNET, HAIKU, OPUS]))
def test_no_request_is_a_crash(fields: dict[str, Any], to: Destination) -> None:
    for asked in (call(**fields), chat_call(json.dumps(fields).encode())):
        made = PAIR.request(asked, to)
        assert isinstance(made, TranslatedRequest) or 400 <= made.status < 500
        assert PAIR.stream(asked, to).finish()


# --- answers ---------------------------------------------------------------------------------------------------------

TOLD = st.dictionaries(
    st.sampled_from(["type", "content", "usage", "stop_reason"])
    | st.sampled_from(["stop_details", "model", "error", "id"]),
    st.recursive(
        st.none() | st.integers() | st.sampled_from(["text", "tool_use", "thinking", "refusal", "message", ""]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "text", "name", "input", "id"])
                | st.sampled_from(["thinking", "signature", "data", "input_tokens", "explanation"]),
                inner,
            )
        ),
        max_leaves=10,
    ),
)


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=20), TOLD.map(lambda told: json.dumps(told).encode())))
def test_no_answer_is_a_crash(body: bytes) -> None:
    for asked in (call(), call(response_format=SCHEMA)):
        made = PAIR.answer(asked, HAIKU, Answer(200, (), body))
        if isinstance(made, Refusal):
            assert made.reason in (Reason.UPSTREAM_GARBLED, Reason.UPSTREAM_ERROR)
        else:
            assert json.loads(made.body)["choices"][0]["message"]["role"] == "assistant"


def test_what_the_provider_said_of_our_key_is_not_repeated() -> None:
    told = {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key sk-1"}}
    made = PAIR.answer(call(), SONNET, Answer(200, (), json.dumps(told).encode()))
    assert isinstance(made, Refusal)
    assert "sk-1" not in made.message


# --- streams ---------------------------------------------------------------------------------------------------------


def event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more}, ensure_ascii=False)}\n\n".encode()


def block(index: int, begun: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    pieces = b"".join(event("content_block_delta", index=index, delta=delta) for delta in deltas)
    begins = event("content_block_start", index=index, content_block=begun)
    return begins + pieces + event("content_block_stop", index=index)


WHOLE = (
    event("message_start", message={"model": "claude-told", "usage": {"input_tokens": 9, "output_tokens": 1}})
    + event("ping")
    + block(0, {"type": "thinking"}, {"type": "thinking_delta", "thinking": "Hm…"}, {"type": "signature_delta"})
    + block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Grüße 🌧️"})
    + block(2, {"type": "tool_use", "id": "t", "name": "f"}, {"type": "input_json_delta", "partial_json": '{"ä": 1}'})
    + event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 5})
    + event("message_stop")
)


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
def test_any_split_of_a_stream_gives_the_same(cuts: list[int]) -> None:
    assert streamed(WHOLE, *cuts) == streamed(WHOLE)


@given(st.integers(0, len(WHOLE) - 3))  # whoever saves the empty line behind the last event is understood
def test_a_stream_that_ends_early_is_never_a_whole_one(length: int) -> None:
    out = streamed(WHOLE[:length])
    assert b"[DONE]" not in out
    assert b'"error"' in out


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.lists(st.integers(0, len(WHOLE)), max_size=3))
def test_a_wrong_byte_is_no_crash(place: int, byte: int, cuts: list[int]) -> None:
    wrong = WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :]
    assert streamed(wrong, *cuts) == streamed(wrong)


EVENTS = st.sampled_from(
    ["message_start", "content_block_start", "content_block_delta", "content_block_stop"]
) | st.sampled_from(["message_delta", "message_stop", "error", "ping"])


@given(st.lists(st.tuples(EVENTS, TOLD), max_size=6))
def test_no_event_is_a_crash(events: list[tuple[str, dict[str, Any]]]) -> None:
    data = b"".join(
        event(kind, **{key: value for key, value in told.items() if key != "type"}) for kind, told in events
    )
    assert streamed(data, asked=call(stream=True, response_format=SCHEMA), to=HAIKU).endswith(b"\n\n")


def test_an_event_beyond_all_measure_is_garbled() -> None:
    huge = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "x" * LARGEST})
    stream = PAIR.stream(call(stream=True), SONNET)
    out = stream.feed(WHOLE[:200] + huge) + stream.finish()
    assert b"[DONE]" not in out
    assert stream.failure is not None
    assert stream.failure.reason is Reason.UPSTREAM_GARBLED


def test_reasoning_beyond_all_measure_is_garbled() -> None:
    stream = PAIR.stream(call(stream=True), SONNET)
    stream.feed(event("content_block_start", index=0, content_block={"type": "thinking"}))
    piece = event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "x" * (1 << 20)})
    for _ in range(17):
        stream.feed(piece)
    assert stream.failure is not None
    assert stream.feed(WHOLE) + stream.finish() == b""


def test_usage_is_known_before_the_end() -> None:
    stream = PAIR.stream(call(stream=True), SONNET)
    stream.feed(WHOLE[: WHOLE.index(b"event: ping")])
    assert stream.usage is not None
    assert (stream.usage.input, stream.usage.output) == (9, 1)
