"""Chat to Gemini and back: what holds of every request, answer and split. Single cases are golden files."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.money import Usage
from extproc.refusal import Reason, Refusal
from extproc.translation.openai_gemini import OpenAIToGemini
from extproc.translation.pair import Answer, Call, Destination
from tests.translation.golden import FRAMINGS, Case, cases
from tests.translation.providers import GEMINI, VERTEX
from tests.validators.client import validate, validate_stream, why_missing

PAIR = OpenAIToGemini()
THIRD = Destination(GEMINI, "gemini-3-pro-preview")
ON_VERTEX = Destination(VERTEX, "gemini-2.5-pro")
SECOND = Destination(GEMINI, "gemini-2.0-flash")
CASES = [case for case in cases() if case.path.parent.name == "gemini"]
judged = pytest.mark.skipif(why_missing() is not None, reason=str(why_missing()))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "messages",
        "tools",
        "tool_choice",
        "response_format",
        "extra_body",
        "safety_settings",
        "cached_content",
        "modalities",
        "audio",
        "stop",
        "seed",
        "reasoning",
        "user",
        "service_tier",
        "max_tokens",
    ]
)
HI: list[Any] = [{"role": "user", "content": "Hi"}]


def asked(stream: bool = False, usage_asked: bool = False, **fields: Any) -> Call:
    body = json.dumps({"model": "m", "messages": HI, **fields}).encode()
    return Call("chat", body=body, body_model="m", stream=stream, usage_asked=usage_asked, id="exchange", created=1)


def sent(call: Call, to: Destination = THIRD) -> Any:
    made = PAIR.request(call, to)
    assert not isinstance(made, Refusal), made
    return json.loads(made.body or b"")


def answered(told: Any, call: Call, to: Destination = THIRD) -> Any:
    made = PAIR.answer(call, to, Answer(200, (), json.dumps(told).encode()))
    assert not isinstance(made, Refusal), made
    return json.loads(made.body)


def streamed(data: bytes, call: Call, piece: int, to: Destination = THIRD) -> bytes:
    stream = PAIR.stream(call, to)
    return b"".join(stream.feed(data[at : at + piece]) for at in range(0, len(data), piece)) + stream.finish()


# --- whatever comes --------------------------------------------------------------------------------------------------


@given(
    st.dictionaries(FIELDS, JSON, max_size=4), st.sampled_from([THIRD, SECOND, Destination(VERTEX, "gemini-2.5-pro")])
)
@settings(deadline=None)
def test_any_request_is_sent_or_refused(fields: dict[str, Any], to: Destination) -> None:
    made = PAIR.request(asked(**fields), to)
    if isinstance(made, Refusal):
        assert 400 <= made.status < 500, made
    else:
        assert json.loads(made.body or b"")["contents"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"[1]", Reason.INVALID_JSON), (b"{", Reason.INVALID_JSON), (b'{"messages": 7}', Reason.INVALID_REQUEST)],
)
def test_what_is_no_chat_is_refused(body: bytes, reason: Reason) -> None:
    made = PAIR.request(replace(asked(), body=body), THIRD)
    assert isinstance(made, Refusal) and made.reason is reason


def test_a_body_that_was_not_read_is_a_bug_of_ours() -> None:
    made = PAIR.request(replace(asked(), body=None), THIRD)
    assert isinstance(made, Refusal) and made.reason is Reason.INTERNAL_ERROR


def test_vertex_needs_a_project() -> None:
    made = PAIR.request(asked(), Destination(replace(VERTEX, project=None), "gemini-2.5-pro"))
    assert isinstance(made, Refusal) and "`project`" in made.message


@given(JSON | st.fixed_dictionaries({"candidates": JSON, "promptFeedback": JSON, "usageMetadata": JSON}))
def test_any_answer_is_given_or_refused(told: Any) -> None:
    made = PAIR.answer(asked(), THIRD, Answer(200, (), json.dumps(told).encode()))
    if isinstance(made, Refusal):
        assert made.reason in (Reason.UPSTREAM_ERROR, Reason.UPSTREAM_GARBLED)
    else:
        assert json.loads(made.body)["choices"]


@given(st.binary(max_size=60), st.integers(1, 60))
def test_any_bytes_are_no_answer(data: bytes, piece: int) -> None:
    made = PAIR.answer(asked(), THIRD, Answer(200, (), data))
    assert isinstance(made, Refusal) and made.reason is Reason.UPSTREAM_GARBLED
    assert streamed(data, asked(stream=True), piece) == streamed(data, asked(stream=True), len(data) or 1)


PIECES = [case.told["streams"] for case in CASES if "streams" in case.told]
STREAMS = [FRAMINGS[one["framing"]](one["with"]) for streams in PIECES for one in streams]


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 400), max_size=8), st.booleans())
def test_any_split_gives_the_same_bytes(data: bytes, cuts: list[int], usage_asked: bool) -> None:
    call = asked(stream=True, usage_asked=usage_asked)
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    stream = PAIR.stream(call, THIRD)
    out = b"".join(stream.feed(data[start:end]) for start, end in pairwise(places))
    assert out + stream.finish() == streamed(data, call, len(data) or 1)


@pytest.mark.parametrize("start", [b'data: {"a":"', b'[{"a":"'])
def test_a_piece_without_an_end_is_not_kept(start: bytes) -> None:
    stream = PAIR.stream(asked(stream=True), THIRD)
    out = stream.feed(start)
    for _ in range(17):
        out += stream.feed(b"x" * (1 << 20))
    assert stream.failure is not None and stream.failure.reason is Reason.UPSTREAM_GARBLED
    assert out.startswith(b'data: {"error":') and stream.finish() == b""


# --- a tool loop survives --------------------------------------------------------------------------------------------

IDS = st.none() | st.text(alphabet="abc123", min_size=8, max_size=8)
CALLS = st.lists(st.tuples(IDS, st.sampled_from(["look", "ask about/Wetter"]), JSON), min_size=1, max_size=4)
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("look", "ask about/Wetter")]


@given(CALLS, st.booleans(), st.booleans())
def test_calls_come_back_as_they_went(made: list[tuple[Any, str, Any]], by_details: bool, stream: bool) -> None:
    """Whether the caller keeps what stands at the calls or only the details, and whether it read a stream."""
    call = asked(stream=stream, tools=TOOLS)
    declared = [one["name"] for one in sent(call)["tools"][0]["functionDeclarations"]]
    parts = [_part(*one, names=dict(zip(("look", "ask about/Wetter"), declared, strict=True))) for one in made]
    parts[0]["thoughtSignature"] = "c2lnMQ=="
    told = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
    message = _message(f"data: {json.dumps(told)}\r\n\r\n".encode(), call) if stream else _whole(told, call)
    assert [one["function"]["name"] for one in message["tool_calls"]] == [name for _, name, _ in made]
    if by_details:
        message["tool_calls"] = [
            {k: v for k, v in one.items() if k != "extra_content"} for one in message["tool_calls"]
        ]
    results = [{"role": "tool", "tool_call_id": one["id"], "content": "ok"} for one in reversed(message["tool_calls"])]
    again = sent(asked(messages=[*HI, message, *results], tools=TOOLS))
    _, model, user = again["contents"]
    assert [_call(part) for part in model["parts"]] == [_call(part) for part in parts]
    ids = [part["functionCall"]["id"] for part in model["parts"]]
    assert ids == [part["functionResponse"]["id"] for part in user["parts"]]
    assert len(set(ids)) == len(ids)


def _part(id_: str | None, name: str, value: Any, names: dict[str, str]) -> dict[str, Any]:
    return {"functionCall": {"name": names[name], "args": {"v": value}, **({"id": id_} if id_ else {})}}


def _call(part: dict[str, Any]) -> Any:
    return (part["functionCall"]["name"], part["functionCall"]["args"], part.get("thoughtSignature"))


def _whole(told: Any, call: Call) -> Any:
    return answered(told, call)["choices"][0]["message"]


def _message(data: bytes, call: Call) -> dict[str, Any]:
    events = [event.removeprefix("data: ") for event in streamed(data, call, 7).decode().split("\n\n")]
    deltas = [json.loads(event)["choices"][0]["delta"] for event in events if event.startswith("{")]
    said: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [], "reasoning_details": []}
    for delta in deltas:
        said["tool_calls"] += delta.get("tool_calls", [])
        said["reasoning_details"] += delta.get("reasoning_details", [])
    return said


# --- judged by others ------------------------------------------------------------------------------------------------


@pytest.mark.sdk
@judged
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_official_types_take_every_golden_case(case: Case) -> None:
    made = PAIR.request(case.call, case.to)
    if not isinstance(made, Refusal):
        assert validate(case.to.provider.dialect, json.loads(made.body or b"")) == []
    for one in case.listed("answers"):
        body = one["with"] if isinstance(one["with"], str) else json.dumps(one["with"])
        answer = PAIR.answer(case.call, case.to, Answer(200, (), body.encode()))
        assert isinstance(answer, Refusal) or validate("chat.completion", json.loads(answer.body)) == []
    for one in case.listed("streams"):
        out = streamed(FRAMINGS[one["framing"]](one["with"]), case.call, 37, case.to)
        assert validate_stream(out, case.call.usage_asked, may_fail="fails" in one) == []


def test_a_piece_that_tells_the_input_alone_is_no_count_of_the_output() -> None:
    call = asked(stream=True, messages=[{"role": "user", "content": "Hi"}])
    stream = PAIR.stream(call, THIRD)
    said = []
    for fields in ({"usageMetadata": {"promptTokenCount": 4}}, {"usageMetadata": {"promptTokenCount": 4}}):
        told = {"candidates": [{"content": {"parts": [{"text": "x"}]}}], **fields}
        stream.feed(b"data: " + json.dumps(told).encode() + b"\n\n")
        said.append(stream.usage)
    stream.feed(b'data: {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 4}}\n\n')
    stream.finish()
    assert said == [Usage(4, 0, estimated=True)] * 2
    assert stream.usage == Usage(4, 0)
