"""A chat request, read into values; what cannot be meant is told by its place."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.json_edit import NotAnObject
from extproc.dialects.openai.chat import (
    AnswerFormat,
    Audio,
    CacheHint,
    Choice,
    File,
    Image,
    Text,
    Thought,
    Tool,
    ToolCall,
    Turn,
)
from extproc.dialects.openai.chat_reading import read_chat
from extproc.dialects.openai.request import WrongField

HI = [{"role": "user", "content": "hi"}]


def read(messages: Any = HI, **more: Any):
    return read_chat(json.dumps({"model": "m", "messages": messages, **more}).encode())


def test_roles_are_four() -> None:
    turns = read(
        [
            {"role": "developer", "content": "be brief"},
            {"role": "system", "content": [{"type": "text", "text": "be kind"}]},
            {"role": "user", "name": "ann", "content": "hi"},
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "42"},
        ]
    ).turns
    assert [turn.role for turn in turns] == ["system", "system", "user", "assistant", "tool"]
    assert turns[1] == Turn("system", 1, (Text("be kind"),))
    assert turns[2].name == "ann"
    assert turns[3].calls == (ToolCall("f", "f", "{}"),)
    assert (turns[4].call_id, turns[4].text) == ("f", "42")


PDF = "data:application/pdf;base64,JVBERg=="


@pytest.mark.parametrize(
    ("part", "read_as"),
    [
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            Text("a", CacheHint("1h")),
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
            Image("https://x/y.png", detail="low"),
        ),
        ({"type": "image_url", "image_url": "https://x/y.png"}, Image("https://x/y.png")),
        (
            {"type": "image_url", "image_url": {"url": "data:image/JPEG;charset=x;base64,aGk="}},
            Image(media_type="image/jpeg", data="aGk="),
        ),
        ({"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}, Audio("aGk=", "wav")),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
            File("a.pdf", "application/pdf", "JVBERg=="),
        ),
        ({"type": "file", "file": {"filename": "a.csv", "file_data": "aGk="}}, File("a.csv", "text/csv", "aGk=")),
        ({"type": "file", "file": {"file_data": "https://x/a.pdf"}}, File(url="https://x/a.pdf")),
        ({"type": "file", "file": {"file_id": "file-1"}}, File(id="file-1")),
        ({"type": "refusal", "refusal": "no"}, Text("no")),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVs\r\nbG8=\n"}},
            Image(media_type="image/png", data="aGVsbG8="),
        ),
        ({"type": "input_audio", "input_audio": {"data": "aGVs\nbG8=\n", "format": "mp3"}}, Audio("aGVsbG8=", "mp3")),
        ({"type": "file", "file": {"filename": "a.md", "file_data": "aGk=\n"}}, File("a.md", "text/markdown", "aGk=")),
    ],
)
def test_parts(part: Any, read_as: Any) -> None:
    assert read([{"role": "user", "content": [part]}]).turns[0].parts == (read_as,)


def test_an_answer_that_comes_back_keeps_its_reasoning_and_signatures() -> None:
    (turn,) = read(
        [
            {
                "role": "assistant",
                "content": "",
                "reasoning_content": "hm",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "hm", "signature": "s1", "format": "anthropic-claude-v1"},
                    {"type": "reasoning.encrypted", "data": "xxx"},
                    "garbage",
                ],
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "f", "arguments": {"a": 1}},
                        "extra_content": {"google": {"thought_signature": "g1"}},
                    }
                ],
            }
        ]
    ).turns
    assert turn.parts == ()
    assert turn.thoughts == (Thought("hm", "s1", None, "anthropic-claude-v1"), Thought(hidden="xxx"))
    assert turn.calls == (ToolCall("c1", "f", '{"a":1}', "g1"),)


def test_an_answer_that_was_a_refusal_is_said_again() -> None:
    (turn,) = read([{"role": "assistant", "content": None, "refusal": "I will not."}]).turns
    assert turn.parts == (Text("I will not."),)
    (turn,) = read([{"role": "assistant", "content": "Yes.", "refusal": None}]).turns
    assert turn.parts == (Text("Yes."),)


def test_tools_and_choices() -> None:
    chat = read(
        tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}}],
        functions=[{"name": "old"}],
        tool_choice={"type": "function", "function": {"name": "f"}},
        parallel_tool_calls=False,
    )
    assert chat.tools == (Tool("f", None, {"type": "object"}, True), Tool("old"))
    assert (chat.choice, chat.parallel_tool_calls) == (Choice("required", ("f",)), False)
    allowed = {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}
    assert read(tool_choice={"type": "allowed_tools", "allowed_tools": allowed}).choice == Choice("auto", ("f",))
    assert read(function_call="none").choice == Choice("none")


def test_settings() -> None:
    chat = read(
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True},
        },
        stop="END",
        max_tokens=5,
        max_completion_tokens=7,
        temperature=0,
        reasoning={"effort": "low", "max_tokens": 2048},
        n=2,
        seed=-3,
    )
    assert chat.format == AnswerFormat("json_schema", "x", {"type": "object"}, True)
    assert (chat.stop, chat.max_tokens, chat.temperature, chat.n, chat.seed) == (("END",), 7, 0, 2, -3)
    assert (chat.reasoning_effort, chat.thinking_budget) == ("low", 2048)
    assert read(thinking={"type": "disabled"}).reasoning_effort == "none"
    assert chat.asked == {
        "response_format", "stop", "max_tokens", "max_completion_tokens", "temperature", "reasoning_effort", "n", "seed"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"messages": []}, "messages"),
        ({"messages": {}}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [*HI, {"role": "user", "content": [{"type": "video"}]}]}, "messages[1].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].image_url"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png,x"}}]}
                ]
            },
            "messages[0].content[0].image_url.url",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "assistant", "tool_calls": {}}]}, "messages[0].tool_calls"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]}, "messages[0].tool_calls[0]"),
        ({"tools": [{"type": "custom"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tool_choice": "always"}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": 5}}}, "tool_choice.allowed_tools"),
        ({"messages": [{"role": "assistant", "refusal": 5}]}, "messages[0].refusal"),
        ({"temperature": 10**400}, "temperature"),
        ({"max_tokens": 10**400}, "max_tokens"),
        ({"seed": 1e300}, "seed"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"stop": [1]}, "stop"),
        ({"temperature": "hot"}, "temperature"),
        ({"seed": 1.5}, "seed"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
    ],
)
def test_what_cannot_be_meant_is_told_by_its_place(change: dict[str, Any], field: str) -> None:
    with pytest.raises(WrongField) as caught:
        read_chat(json.dumps({"model": "m", "messages": HI, **change}).encode())
    assert caught.value.field == field
    assert f"`{field}` must be " in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["messages", "tools", "tool_choice", "response_format", "stop", "thinking", "reasoning", "n", "seed", "functions"]
)


@given(st.dictionaries(FIELDS, JSON))
def test_any_json_is_read_or_refused(fields: dict[str, Any]) -> None:
    body = json.dumps({"messages": HI, **fields}).encode()
    try:
        chat = read_chat(body)
    except (WrongField, NotAnObject):
        return
    assert chat.turns


@given(JSON, JSON)
def test_any_message_is_read_or_refused(content: Any, calls: Any) -> None:
    for message in (
        {"role": "assistant", "content": content, "tool_calls": calls, "reasoning_details": calls},
        content,
    ):
        try:
            assert read([message]).turns
        except WrongField as error:
            assert error.field.startswith("messages")


@given(st.sampled_from(["allowed_tools", "json_schema", "function", "disabled", "enabled"]), JSON)
def test_any_inside_of_a_known_shape_is_read_or_refused(kind: str, inside: Any) -> None:
    for value in (inside, {"tools": inside}, {"name": inside}, {"schema": inside}):
        shape = {"type": kind, kind: value}
        for member in ("tool_choice", "response_format", "thinking", "reasoning"):
            try:
                assert read(**{member: shape}).turns
            except WrongField as error:
                assert error.field.startswith(member)
