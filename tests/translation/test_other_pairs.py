"""Mistral, Cohere and Ollama beyond the golden cases: addresses, any input, any split, ids there and back."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.openai.chunks import DONE
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Model
from extproc.translation.pair import Answer, AnswerStream, Call, Destination, Pair, TranslatedRequest
from extproc.translation.registry import pair_for
from tests.translation.providers import COHERE, MISTRAL, OLLAMA
from tests.upstreams.formats import FORMATS
from tests.upstreams.words import Said

PROVIDERS = {"mistral": MISTRAL, "cohere": COHERE, "ollama": OLLAMA}
EVERY = pytest.mark.parametrize("dialect", PROVIDERS)
ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}

KEYS = st.sampled_from(
    [
        "id",
        "type",
        "delta",
        "message",
        "content",
        "text",
        "thinking",
        "tool_calls",
        "tool_plan",
        "function",
        "name",
        "arguments",
        "index",
        "choices",
        "finish_reason",
        "done",
        "done_reason",
        "usage",
        "tokens",
        "input_tokens",
        "logprobs",
        "token",
        "logprob",
        "error",
        "object",
        "detail",
        "signature",
        "model",
        "created",
        "eval_count",
    ]
)
WORDS = st.sampled_from(
    [
        "message-start",
        "content-delta",
        "tool-call-start",
        "tool-call-delta",
        "message-end",
        "thinking",
        "text",
        "stop",
        "ERROR",
        "COMPLETE",
        "tool_calls",
        "error",
        "null",
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS
    | st.text()
)
JSON = st.recursive(
    LEAVES, lambda more: st.lists(more, max_size=3) | st.dictionaries(KEYS, more, max_size=5), max_leaves=12
)


def pair(dialect: str) -> Pair:
    found = pair_for("openai", dialect, "m", "chat")
    assert found is not None
    return found


def call(body: Any = None, **more: Any) -> Call:
    written = json.dumps(ASKED if body is None else body).encode()
    return Call("chat", path="/v1/chat/completions", query="a=1", body=written, id="exchange", created=1, **more)


def to(dialect: str, **more: Any) -> Destination:
    return Destination(dataclasses.replace(PROVIDERS[dialect], **more), "m")


def request(dialect: str, body: Any = None, **more: Any) -> TranslatedRequest:
    made = pair(dialect).request(call(body), to(dialect, **more))
    assert isinstance(made, TranslatedRequest)
    return made


def fed(stream: AnswerStream, data: bytes, size: int) -> bytes:
    return b"".join(stream.feed(data[at : at + size]) for at in range(0, len(data), size)) + stream.finish()


def framed(dialect: str, objects: list[Any]) -> bytes:
    if dialect == "ollama":
        return b"".join(json.dumps(one).encode() + b"\n" for one in objects)
    return b"".join(b"data: " + json.dumps(one).encode() + b"\r\n\r\n" for one in objects)


# --- requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "prefix", "versioned", "path"),
    [
        ("mistral", "", False, "/v1/chat/completions"),
        ("mistral", "/eu/v1", True, "/eu/v1/chat/completions"),
        ("cohere", "", False, "/v2/chat"),
        ("cohere", "/x/v2", False, "/x/v2/chat"),
        ("cohere", "/v1", True, "/v2/chat"),
        ("ollama", "", False, "/api/chat"),
        ("ollama", "/v1", True, "/api/chat"),
        ("ollama", "/box/v1", True, "/box/api/chat"),
    ],
)
def test_the_address_is_the_dialects_own_whatever_version_the_configured_one_ends_with(
    dialect: str, prefix: str, versioned: bool, path: str
) -> None:
    """The caller's query is dropped: it is none of the provider's words."""
    made = request(dialect, path_prefix=prefix, versioned=versioned)
    assert (made.method, made.path, made.headers) == ("POST", path, (("content-type", "application/json"),))


@EVERY
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[secret", Reason.INVALID_JSON),
        (b'"secret"', Reason.INVALID_JSON),
        (b'{"messages": "secret"}', Reason.INVALID_REQUEST),
        (b'{"messages": []}', Reason.INVALID_REQUEST),
        (None, Reason.INTERNAL_ERROR),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_without_its_words(
    dialect: str, body: bytes | None, reason: Reason
) -> None:
    made = pair(dialect).request(dataclasses.replace(call(), body=body), to(dialect))
    assert isinstance(made, Refusal) and made.reason is reason and "secret" not in made.message


@EVERY
def test_a_retired_models_notice_is_a_loss(dialect: str) -> None:
    entry = Model("old", notice="old is retired; m answers")
    made = pair(dialect).request(call(), dataclasses.replace(to(dialect), entry=entry))
    assert isinstance(made, TranslatedRequest) and made.losses == ("model: old is retired; m answers",)


@EVERY
def test_a_model_that_cannot_be_forced_is_not(dialect: str) -> None:
    asked = {**ASKED, "tools": [{"type": "function", "function": {"name": "t"}}], "tool_choice": "required"}
    entry = Model("m", capabilities=frozenset({"no_forced_tools"}))
    made = pair(dialect).request(call(asked), dataclasses.replace(to(dialect), entry=entry))
    assert isinstance(made, TranslatedRequest) and made.body is not None
    assert "tool_choice" not in json.loads(made.body) and "tool_choice" in made.losses


@EVERY
@given(JSON)
def test_any_json_is_a_request_or_a_refusal(dialect: str, body: Any) -> None:
    made = pair(dialect).request(call(body), to(dialect))
    assert isinstance(made, (TranslatedRequest, Refusal))


@given(st.lists(st.text(min_size=1, max_size=50), min_size=1, max_size=4, unique=True))
def test_mistrals_ids_are_nine_letters_in_calls_and_results_and_stay_apart(ids: list[str]) -> None:
    calls = [{"id": one, "type": "function", "function": {"name": "t", "arguments": "{}"}} for one in ids]
    results = [{"role": "tool", "tool_call_id": one, "content": one} for one in reversed(ids)]
    asked = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": calls}, *results]}
    body = json.loads(request("mistral", asked).body or b"")
    told = [one["id"] for one in body["messages"][1]["tool_calls"]]
    assert all(len(one) == 9 and one.isascii() and one.isalnum() for one in told) and len(set(told)) == len(ids)
    assert [one["tool_call_id"] for one in body["messages"][2:]] == told
    # What Mistral was told comes back the same from a caller who saw it.
    again = json.loads(json.dumps(body["messages"]))
    assert json.loads(request("mistral", {"messages": again}).body or b"")["messages"] == body["messages"]


# --- answers ---------------------------------------------------------------------------------------------------------

SAID = {
    "text": Said("Grüße — it is 21 °C."),
    "calls": Said("Let me look.", calls=(("forecast", {"city": "Łódź"}), ("clock", {}))),
    "thought": Said("So.", thought="Hm. Äh."),
    "cut": Said("Once upon", cut=True),
}


@EVERY
@pytest.mark.parametrize("name", SAID)
def test_what_is_said_whole_is_said_streamed(dialect: str, name: str) -> None:
    """By an upstream that others wrote."""
    said = SAID[name]
    asked = call(usage_asked=True)
    whole = pair(dialect).answer(asked, to(dialect), Answer(200, (), FORMATS[dialect].whole(said)))
    assert isinstance(whole, Answer)
    message = json.loads(whole.body)["choices"][0]["message"]
    stream = pair(dialect).stream(asked, to(dialect))
    chunks = [
        json.loads(one[6:]) for one in fed(stream, FORMATS[dialect].stream(said), 7).split(b"\n\n") if one[6:7] == b"{"
    ]
    deltas = [one["choices"][0]["delta"] for one in chunks if one["choices"]]
    assert "".join(one.get("content") or "" for one in deltas) == message["content"] == said.text
    assert "".join(one.get("reasoning_content") or "" for one in deltas) == message.get("reasoning_content", "")
    pieces = [one for delta in deltas for one in delta.get("tool_calls", [])]
    made = [
        (one["function"]["name"], json.loads(one["function"]["arguments"])) for one in message.get("tool_calls", [])
    ]
    assert made == list(said.calls)
    for index, one in enumerate(message.get("tool_calls", [])):
        mine = [piece for piece in pieces if piece["index"] == index]
        assert (mine[0]["id"], mine[0]["function"]["name"]) == (one["id"], one["function"]["name"])
        assert json.loads("".join(piece["function"]["arguments"] for piece in mine)) == made[index][1]
    assert chunks[-2]["choices"][0]["finish_reason"] == json.loads(whole.body)["choices"][0]["finish_reason"]
    assert stream.usage == whole.usage and whole.usage is not None


@EVERY
@given(st.lists(JSON, max_size=4), st.sampled_from([1, 7, 37]))
def test_any_stream_is_read_to_its_end_and_alike_at_any_split(dialect: str, objects: list[Any], size: int) -> None:
    data = framed(dialect, objects)
    whole, cut = pair(dialect).stream(call(), to(dialect)), pair(dialect).stream(call(), to(dialect))
    told = fed(whole, data, len(data) + 1)
    assert fed(cut, data, size) == told
    assert (cut.usage, cut.failure) == (whole.usage, whole.failure)
    assert told.endswith(DONE) == (whole.failure is None)


@EVERY
@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_are_a_stream_that_ends_somehow(dialect: str, data: bytes, size: int) -> None:
    stream = pair(dialect).stream(call(), to(dialect))
    assert fed(stream, data, size).endswith(b"\n\n")


@EVERY
@given(JSON | st.dictionaries(KEYS, JSON))
def test_any_json_is_an_answer_or_a_refusal(dialect: str, told: Any) -> None:
    made = pair(dialect).answer(call(), to(dialect), Answer(200, (), json.dumps(told).encode()))
    assert isinstance(made, Refusal) or json.loads(made.body)["object"] == "chat.completion"


@EVERY
@given(st.binary(max_size=200))
def test_any_bytes_are_no_answer(dialect: str, told: bytes) -> None:
    made = pair(dialect).answer(call(), to(dialect), Answer(200, (), told))
    assert isinstance(made, Refusal) and made.reason in (Reason.UPSTREAM_GARBLED, Reason.UPSTREAM_ERROR)


def test_the_same_exchange_gives_the_same_ids_and_another_others() -> None:
    """Ollama gives none."""
    whole = FORMATS["ollama"].whole(SAID["calls"])

    def ids(exchange: str) -> list[str]:
        made = pair("ollama").answer(dataclasses.replace(call(), id=exchange), to("ollama"), Answer(200, (), whole))
        assert isinstance(made, Answer)
        return [one["id"] for one in json.loads(made.body)["choices"][0]["message"]["tool_calls"]]

    assert ids("a") == ids("a") and not set(ids("a")) & set(ids("b"))


NAMELESS: dict[str, list[Any]] = {
    "mistral": [
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"id": "abcdefgh1", "function": {"arguments": "{}"}}]}}]}
    ],
    "cohere": [
        {"type": "tool-call-start", "delta": {"message": {"tool_calls": {"id": "c", "function": {"arguments": ""}}}}}
    ],
    "ollama": [{"message": {"tool_calls": [{"function": {"arguments": {}}}]}, "done": True}],
}
WHOLE: dict[str, Any] = {
    "mistral": {"choices": [{"message": {"tool_calls": [{"id": "abcdefgh1", "function": {"arguments": "{}"}}]}}]},
    "cohere": {"message": {"tool_calls": [{"id": "c", "function": {"arguments": ""}}]}},
    "ollama": {"message": {"tool_calls": [{"function": {"arguments": {}}}]}, "done": True},
}


@EVERY
def test_a_call_of_nothing_is_no_answer(dialect: str) -> None:
    stream = pair(dialect).stream(call(), to(dialect))
    told = fed(stream, framed(dialect, NAMELESS[dialect]), 7)
    assert stream.failure is not None and stream.failure.reason is Reason.UPSTREAM_GARBLED
    assert b"tool_calls" not in told and told.count(b'"error"') == 1
    whole = pair(dialect).answer(call(), to(dialect), Answer(200, (), json.dumps(WHOLE[dialect]).encode()))
    assert isinstance(whole, Refusal) and "names no tool" in whole.message
