"""The tokens of a prompt, as OpenAI counts them: three of each message, its role, three of the answer's beginning."""

import json
from typing import Any

import pytest

from extproc.dialects.openai.functions import Function, declared, demanded
from extproc.dialects.openai.request import read_request
from extproc.dialects.tokens import O200K, vocabulary
from tests.dialects.token_samples import ENGLISH

USER = {"role": "user", "content": ENGLISH}
SYSTEM = {"role": "system", "content": "Be brief."}  # 3 tokens
PLACES = {
    "type": "object",
    "properties": {
        "town": {"type": "string", "description": "Where, e.g. Lund"},
        "unit": {"type": "string", "enum": ["metric", "imperial"]},
        "days": {"type": "array", "items": {"type": "integer"}},
        "near": {"type": "object", "properties": {"km": {"type": ["number", "null"]}}, "required": ["km"]},
        "any": {"$ref": "#/x"},
    },
    "required": ["town"],
}
FORECAST = {"name": "forecast", "description": "The weather to come", "parameters": PLACES}
SHOWN = """namespace functions {

// The weather to come
type forecast = (_: {
// Where, e.g. Lund
town: string,
unit?: "metric" | "imperial",
days?: number[],
near?: {
km: number | null,
},
any?: any,
}) => any;

} // namespace functions"""


def o200k(text: str) -> int:
    found: int = vocabulary(O200K).count(text)
    return found


def tokens(endpoint: str = "chat", model: str = "gpt-4o", **fields: Any) -> int:
    return read_request(endpoint, json.dumps({"model": model, **fields}).encode()).input_tokens


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([USER], 3 + 3 + 1 + 118),
        ([SYSTEM, USER], 3 + (3 + 1 + 3) + (3 + 1 + 118)),
        ([{**USER, "name": "ada"}], 3 + 3 + 1 + 118 + 1 + 1),
        ([{"role": "user", "content": [{"type": "text", "text": ENGLISH}]}], 3 + 3 + 1 + 118),
        ([{"role": "assistant", "content": None, "refusal": "Be brief."}], 3 + 3 + 1 + 3),
        ([], 3),
    ],
)
def test_text_is_counted_exactly(messages: list[Any], expected: int) -> None:
    assert tokens(messages=messages) == expected


def test_other_families_of_openai_begin_their_answer_shorter() -> None:
    assert tokens(model="gpt-5", messages=[USER]) == tokens(model="o3", messages=[USER]) == 2 + 3 + 1 + 118
    assert tokens(model="gpt-4", messages=[USER]) == 3 + 3 + 1 + 118


def test_functions_are_shown_as_types() -> None:
    assert declared([Function(**FORECAST)]) == SHOWN
    assert declared([Function("now")]).split("\n")[2] == "type now = () => any;"


@pytest.mark.parametrize("field", ["tools", "functions"])
def test_tools_add_what_the_model_is_shown(field: str) -> None:
    asked = [{"type": "function", "function": FORECAST}] if field == "tools" else [FORECAST]
    assert tokens(messages=[USER], **{field: asked}) == tokens(messages=[USER]) + o200k(SHOWN) + 9
    both = [SYSTEM, USER]
    assert tokens(messages=both, **{field: asked}) == tokens(messages=both) + o200k(SHOWN) + 9 - 4


def test_a_schema_for_the_answer_adds_its_text() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "Number", "description": "One.", "schema": schema}}
    text = demanded("Number", "One.", schema)
    assert text.split("\n")[-1] == '{"type":"object","properties":{"n":{"type":"integer"}}}'
    assert tokens(messages=[USER], response_format=wanted) == tokens(messages=[USER]) + o200k(text)


def test_a_call_and_its_result() -> None:
    arguments = '{"town":"Lund"}'
    called = {"id": "c1", "type": "function", "function": {"name": "forecast", "arguments": arguments}}
    turns = [
        {"role": "assistant", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "c1", "content": "Be brief."},
    ]
    name = o200k("forecast")
    assert tokens(messages=turns) == 3 + (3 + 1 + name + o200k(arguments) + 3) + (3 + 1 + 3 + name + 1)
    assert tokens(messages=[{"role": "assistant", "tool_calls": [called, called]}]) > tokens(messages=turns[:1])


@pytest.mark.parametrize(
    ("model", "part", "expected"),
    [
        ("gpt-4o", {"type": "image_url", "image_url": {"url": "http://x/y.png"}}, 765),
        ("gpt-4o", {"type": "image_url", "image_url": {"url": "http://x/y.png", "detail": "low"}}, 85),
        ("gpt-4o-mini", {"type": "image_url", "image_url": {"url": "http://x/y.png", "detail": "low"}}, 2833),
        ("gpt-5", {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 9_000_000}}, 630),
        ("gpt-4o-audio-preview", {"type": "input_audio", "input_audio": {"data": "A" * 63_998, "format": "wav"}}, 10),
        ("gpt-4o-audio-preview", {"type": "input_audio", "input_audio": {"data": "A" * 20_998, "format": "mp3"}}, 10),
        ("gpt-4o", {"type": "file", "file": {"file_id": "f-1"}}, 1500),
        ("gpt-4o", {"type": "file", "file": {"file_data": "A" * 79_998}}, 1500),
        ("gpt-4o", {"type": "file", "file": {"file_data": "A" * 10}}, 500),
    ],
)
def test_what_is_no_text_counts_by_its_kind_and_size(model: str, part: dict[str, Any], expected: int) -> None:
    empty = tokens(model=model, messages=[{"role": "user", "content": []}])
    assert tokens(model=model, messages=[{"role": "user", "content": [part]}]) == empty + expected


def test_the_other_endpoints() -> None:
    assert tokens("embeddings", "text-embedding-3-small", input=[ENGLISH, ENGLISH]) == 236
    assert tokens("embeddings", "text-embedding-3-small", input=[[1, 2, 3], [4]]) == 4
    assert tokens("completions", "gpt-3.5-turbo-instruct", prompt=ENGLISH) == 118
    assert tokens("completions", "gpt-3.5-turbo-instruct", prompt=[1, 2, 3]) == 3
    told = tokens("responses", input=ENGLISH, instructions="Be brief.")
    assert told == tokens(messages=[SYSTEM, USER])
    assert tokens("responses", input=[USER]) == tokens(messages=[USER])
    call = {"type": "function_call", "call_id": "c", "name": "forecast", "arguments": '{"town":"Lund"}'}
    output = {"type": "function_call_output", "call_id": "c", "output": ENGLISH}
    assert tokens("responses", input=[USER, call, output]) > 2 * 118


def test_another_family_is_near() -> None:
    assert tokens(model="claude-opus-4-6", messages=[USER]) == pytest.approx(118 * 1.1, rel=0.15)
    tools = [{"type": "function", "function": FORECAST}]
    assert tokens(model="claude-opus-4-6", messages=[USER], tools=tools) > 118 + 500


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": 7}],
        {"role": "user", "content": ENGLISH},
        "x" * 400,
        [[[[]]], ENGLISH],
        [USER, {"role": "user", "content": [{"type": "image_url", "image_url": [ENGLISH]}]}],
        [{"role": "user", "content": "x"}] * 10_001,
    ],
)
def test_a_prompt_of_another_shape_is_estimated(messages: Any) -> None:
    """Its provider will say what is wrong with it."""
    size = len(json.dumps(messages))
    assert size / 12 < tokens(messages=messages) < size


def test_deep_schemas_are_counted_and_cut() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(200):
        deep = {"type": "object", "properties": {"x": deep}}
    assert (
        0 < tokens(messages=[USER], tools=[{"type": "function", "function": {"name": "f", "parameters": deep}}]) < 1000
    )
