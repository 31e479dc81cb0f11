"""OpenAI to Bedrock: what golden cases cannot show. Any split, any junk, any id; nothing raises."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.refusal import Reason, Refusal
from extproc.snapshot import Model
from extproc.translation.openai_bedrock import OpenAIToBedrock
from extproc.translation.openai_bedrock.tools import ANSWER_TOOL
from extproc.translation.pair import Answer, Call, Destination, TranslatedRequest
from extproc.translation.registry import pair_for
from tests.dialects.aws_frames import error, event, exception, frame
from tests.translation.providers import BEDROCK

PAIR = OpenAIToBedrock()
SONNET = "us.anthropic.claude-sonnet-4-20250514-v1:0"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
MODELS = (SONNET, HAIKU, "amazon.nova-lite-v1:0", "amazon.titan-text-lite-v1", "meta.llama3-1-8b-instruct-v1:0", "x")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def call_of(body: Any, **more: Any) -> Call:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Call(endpoint="chat", path="/v1/chat/completions", body=raw, id="x1", created=7, **more)


def to(model: str = SONNET, **provider: Any) -> Destination:
    return Destination(replace(BEDROCK, **provider), model)


def asks(**more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "?"}], **more}


def sent(body: Any, destination: Destination, **more: Any) -> TranslatedRequest:
    made = PAIR.request(call_of(body, **more), destination)
    assert not isinstance(made, Refusal), made
    return made


def test_it_is_registered() -> None:
    assert isinstance(pair_for("openai", "bedrock", SONNET, "chat"), OpenAIToBedrock)
    assert pair_for("openai", "bedrock", SONNET, "embeddings") is None


def test_the_address_and_the_headers() -> None:
    made = sent(asks(), to(path_prefix="/behind/a/proxy"), query="x=1")
    assert made.path == "/behind/a/proxy/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/converse"
    assert made.headers == (("content-type", "application/json"), ("accept", "application/json"))
    made = sent(asks(), to(), stream=True)
    assert made.path.endswith("/converse-stream")
    assert dict(made.headers)["accept"] == "application/vnd.amazon.eventstream"


@pytest.mark.parametrize("model", ["", ".", "..", "a/../b", "a\nb", "a\\b", "%2e%2e"])
def test_a_model_that_is_no_segment(model: str) -> None:
    made = PAIR.request(call_of(asks()), to(model))
    assert isinstance(made, Refusal) and made.param == "model"


def test_a_notice_is_a_loss() -> None:
    entry = Model(name="old", notice="answered by new")
    made = sent(asks(), Destination(BEDROCK, HAIKU, entry))
    assert made.losses == ("model: answered by new",)


def test_an_opaque_profile_is_asked_as_what_callers_call_it() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcd1234"
    entry = Model(name="claude-opus-4-7", upstream=arn)
    made = sent(asks(reasoning_effort="low"), Destination(BEDROCK, arn, entry))
    body = json.loads(made.body or b"")
    assert body["outputConfig"] == {"effort": "low"}
    assert made.path == "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3A" + (
        "application-inference-profile%2Fabcd1234/converse"
    )


def test_a_body_that_was_not_read() -> None:
    made = PAIR.request(replace(call_of(asks()), body=None), to())
    assert isinstance(made, Refusal) and made.reason is Reason.INTERNAL_ERROR


@given(st.binary(max_size=60))
def test_no_bytes_raise(body: bytes) -> None:
    PAIR.request(call_of(body), to())
    PAIR.answer(call_of(asks()), to(), Answer(200, (), body))


FIELDS = [
    "messages",
    "tools",
    "tool_choice",
    "response_format",
    "stop",
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "n",
    "user",
    "metadata",
    "service_tier",
    "reasoning_effort",
    "thinking",
    "parallel_tool_calls",
    "guardrailConfig",
    "performanceConfig",
    "functions",
    "stream",
]


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.sampled_from(MODELS), st.booleans())
def test_no_request_raises(fields: dict[str, Any], model: str, whole: bool) -> None:
    made = PAIR.request(call_of({**asks(), **fields} if whole else fields), to(model))
    assert not isinstance(made, Refusal) or 400 <= made.status < 500


def test_what_nests_too_deeply_is_refused() -> None:
    for depth in (10, 200, 480, 495, 700, 5000):
        deep = '{"properties":{"a":' * depth + "{}" + "}}" * depth
        tool = '{"type":"function","function":{"name":"f","parameters":' + deep + "}}"
        shape = '{"type":"json_schema","json_schema":{"name":"a","schema":' + deep + "}}"
        for model in MODELS:
            for more in (f'"tools":[{tool}]', f'"response_format":{shape}'):
                body = '{"messages":[{"role":"user","content":"?"}],' + more + "}"
                made = PAIR.request(call_of(body.encode()), to(model))
                assert not isinstance(made, Refusal) or made.status == 400
                assert isinstance(made, Refusal) or depth < 5000


BLOCKS = st.lists(
    st.dictionaries(st.sampled_from(["text", "toolUse", "reasoningContent", "citationsContent", "x"]), JSON), max_size=4
)


@given(
    st.builds(
        lambda *v: {"output": {"message": {"content": v[0]}}, "stopReason": v[1], "usage": v[2]}, BLOCKS, JSON, JSON
    )
)
def test_no_answer_raises(told: Any) -> None:
    made = PAIR.answer(call_of(asks()), to(), Answer(200, (), json.dumps(told).encode()))
    if not isinstance(made, Refusal):
        assert json.loads(made.body)["choices"][0]["message"]["role"] == "assistant"


KINDS = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "new")
USES = st.builds(
    lambda name, id_: {"toolUse": {"toolUseId": id_, "name": name}},
    st.sampled_from(["f", ANSWER_TOOL]),
    st.text(max_size=3),
)
DELTAS = st.one_of(
    st.builds(lambda text: {"text": text}, st.text(max_size=5)),
    st.builds(lambda text: {"toolUse": {"input": text}}, st.text(max_size=5)),
    st.builds(lambda key, text: {"reasoningContent": {key: text}}, st.sampled_from(["text", "signature"]), st.text()),
    JSON,
)
EVENTS = st.one_of(
    st.builds(
        lambda kind, index, use, delta: event(
            kind, {"contentBlockIndex": index, "start": use, "delta": delta, "stopReason": "tool_use", "p": "abc"}
        ),
        st.sampled_from(KINDS),
        st.integers(0, 2),
        USES,
        DELTAS,
    ),
    st.builds(event, st.sampled_from(KINDS), JSON),
    st.just(exception("throttlingException", {"message": "slow"})),
    st.just(error("InternalFailure", "broken")),
    st.just(frame(b"", b"?")),
    st.binary(max_size=3),
)
FORM = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}


@settings(max_examples=300)
@given(st.lists(EVENTS, max_size=12), st.integers(1, 50), st.booleans())
def test_any_split_of_any_stream_gives_the_same(events: list[bytes], size: int, shaped: bool) -> None:
    data = b"".join(events)
    call = call_of(asks(**({"response_format": FORM} if shaped else {})), stream=True, usage_asked=True)
    outs = []
    for step in (size, 1 << 20):
        stream = PAIR.stream(call, to(HAIKU))
        out = b"".join(stream.feed(data[at : at + step]) for at in range(0, len(data), step)) + stream.finish()
        assert stream.finish() == b""
        assert stream.feed(data) == b""
        assert (stream.failure is None) == out.endswith(b"data: [DONE]\n\n")
        outs.append((out, stream.usage, stream.failure))
    assert outs[0] == outs[1]


def test_usage_is_known_as_soon_as_it_is_told() -> None:
    stream = PAIR.stream(call_of(asks()), to())
    stream.feed(event("messageStart", {"role": "assistant"}))
    stream.feed(event("metadata", {"usage": {"inputTokens": 3, "outputTokens": 1}}))
    assert stream.usage is not None and (stream.usage.input, stream.usage.output) == (3, 1)
    assert stream.finish() != b"" and stream.failure is not None


def test_reasoning_beyond_all_measure() -> None:
    stream = PAIR.stream(call_of(asks()), to())
    piece = event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "x" * 2**20}}})
    for _ in range(17):
        stream.feed(piece)
    assert stream.failure is not None and stream.failure.reason is Reason.UPSTREAM_GARBLED


@given(st.text(min_size=1, max_size=90), st.text(min_size=1, max_size=90))
def test_ids_and_names_survive_a_loop(id_: str, name: str) -> None:
    """What is told in a call is told in its result, and a name comes back as it was meant."""
    made = {"id": id_, "type": "function", "function": {"name": name, "arguments": "{}"}}
    asked = asks(tools=[{"type": "function", "function": {"name": name}}])
    asked["messages"] += [
        {"role": "assistant", "content": None, "tool_calls": [made]},
        {"role": "tool", "tool_call_id": id_, "content": "r"},
    ]
    body = json.loads(sent(asked, to()).body or b"")
    use, result = body["messages"][1]["content"][-1]["toolUse"], body["messages"][2]["content"][0]["toolResult"]
    assert use["toolUseId"] == result["toolUseId"]
    assert use["name"] == body["toolConfig"]["tools"][0]["toolSpec"]["name"]
    told = {"output": {"message": {"content": [{"toolUse": {**use, "input": {}}}]}}, "stopReason": "tool_use"}
    answer = PAIR.answer(call_of(asked), to(), Answer(200, (), json.dumps(told).encode()))
    assert not isinstance(answer, Refusal)
    assert json.loads(answer.body)["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == name


def test_a_call_without_an_id_gets_one() -> None:
    told = {"output": {"message": {"content": [{"toolUse": {"name": "f", "input": {}}}]}}, "stopReason": "tool_use"}
    answers = [PAIR.answer(call_of(asks()), to(), Answer(200, (), json.dumps(told).encode())) for _ in range(2)]
    assert answers[0] == answers[1]
    assert not isinstance(answers[0], Refusal)
    assert json.loads(answers[0].body)["choices"][0]["message"]["tool_calls"][0]["id"].startswith("call_")


@pytest.mark.parametrize("cap", [1, 1023, 1024, 1025, 2000, 4096, 64_000, 10**9])
def test_a_budget_stays_under_its_cap(cap: int) -> None:
    body = json.loads(sent(asks(reasoning_effort="max", max_tokens=cap), to()).body or b"")
    thinking = body.get("additionalModelRequestFields", {}).get("thinking")
    assert (thinking is None) == (cap <= 1024)
    if thinking is not None:
        assert 1024 <= thinking["budget_tokens"] < body["inferenceConfig"]["maxTokens"] <= 64_000
