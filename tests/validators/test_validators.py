"""The judges judged: each takes what its vendor documents, and refuses every one of a list of wrong bodies."""

import json
from typing import Any

import pytest

from tests.validators.client import validate, validate_stream, why_missing

pytestmark = [
    pytest.mark.sdk,
    pytest.mark.skipif(why_missing() is not None, reason=str(why_missing())),
]

HELLO = [{"role": "user", "content": "hello"}]
CALL = {"id": "a1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
USE = {"type": "tool_use", "id": "a1", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "a1", "content": "3"}
TEXT = {"type": "text", "text": "and?"}
SCHEMA = {"type": "object", "properties": {}}


def said(*contents: Any) -> list[dict[str, Any]]:
    """Turns of user and assistant."""
    return [{"role": ("user", "assistant")[i % 2], "content": content} for i, content in enumerate(contents)]


ANTHROPIC: dict[str, Any] = {"model": "claude-3-haiku", "max_tokens": 9, "messages": HELLO}
ANTHROPIC_TOOLS = [{"name": "f", "description": "d", "input_schema": SCHEMA}]
OPENAI: dict[str, Any] = {"model": "m", "messages": HELLO}
BEDROCK: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}
BEDROCK_TOOLS = {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": SCHEMA}}}]}
BEDROCK_LOOP = [
    {"role": "user", "content": [{"text": "hello"}]},
    {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a1", "name": "f", "input": {"x": 1}}}]},
    {"role": "user", "content": [{"toolResult": {"toolUseId": "a1", "content": [{"text": "3"}]}}]},
]
GEMINI: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
GEMINI_LOOP = [
    *GEMINI["contents"],
    {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"some_key": 1}}, "thoughtSignature": "aGk="}]},
    {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "3"}}}]},
]
OLLAMA: dict[str, Any] = {**OPENAI, "stream": False}
FUNCTION = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}


def loop(call_id: str = "a1") -> list[dict[str, Any]]:
    calls = [{**CALL, "id": call_id}]
    return [
        *HELLO,
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "tool_call_id": call_id, "content": "3"},
    ]


RIGHT: list[tuple[str, Any]] = [
    ("openai", {**OPENAI, "stream": True, "stream_options": {"include_usage": True}, "tools": [FUNCTION]}),
    ("anthropic", {**ANTHROPIC, "temperature": 0.5, "system": [TEXT], "stop_sequences": ["x"]}),
    ("anthropic", {**ANTHROPIC, "messages": said("a", [USE], [RESULT, TEXT]), "tools": ANTHROPIC_TOOLS}),
    ("bedrock", {**BEDROCK, "inferenceConfig": {"maxTokens": 1, "temperature": 1.0}, "system": [{"text": "s"}]}),
    ("bedrock", {"messages": BEDROCK_LOOP, "toolConfig": BEDROCK_TOOLS}),
    (
        "bedrock",
        {"messages": [{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": "aGk="}}}]}]},
    ),
    ("gemini", {**GEMINI, "generationConfig": {"maxOutputTokens": 9, "thinkingConfig": {"thinkingBudget": 0}}}),
    ("gemini", {"contents": GEMINI_LOOP, "tools": [{"functionDeclarations": [{"name": "f"}]}]}),
    ("vertex", {**GEMINI, "labels": {"user": "u"}}),
    ("cohere", {**OPENAI, "messages": loop(), "tools": [FUNCTION], "tool_choice": "REQUIRED", "stream": True}),
    ("mistral", {**OPENAI, "messages": loop("abcdefgh9"), "tools": [FUNCTION], "tool_choice": "any", "random_seed": 1}),
    ("ollama", {**OLLAMA, "tools": [FUNCTION], "options": {"seed": 1, "num_predict": 2}, "think": True}),
]

WRONG: list[tuple[str, Any]] = [
    ("openai", {**OPENAI, "max_output_tokens": 1}),
    ("openai", {"model": "m", "messages": [{"role": "tool", "content": "x"}]}),
    ("anthropic", {"model": "m", "messages": HELLO}),
    ("anthropic", {**ANTHROPIC, "max_tokens": "9"}),
    ("anthropic", {**ANTHROPIC, "seed": 1}),
    ("anthropic", {**ANTHROPIC, "stop_sequences": "x"}),
    ("anthropic", {**ANTHROPIC, "stop_sequences": [" "]}),
    ("anthropic", {**ANTHROPIC, "temperature": 1.5}),
    ("anthropic", {**ANTHROPIC, "tool_choice": "auto"}),
    ("anthropic", {**ANTHROPIC, "tools": [FUNCTION]}),
    ("anthropic", {**ANTHROPIC, "messages": [{"role": "tool", "content": "x"}]}),
    ("anthropic", {**ANTHROPIC, "messages": said([{"type": "image_url", "image_url": {"url": "x"}}])}),
    ("anthropic", {**ANTHROPIC, "messages": said([{"type": "text", "text": ""}])}),
    ("anthropic", {**ANTHROPIC, "messages": [*HELLO, *HELLO]}),
    ("anthropic", {**ANTHROPIC, "messages": said("a", [USE]), "tools": ANTHROPIC_TOOLS}),
    ("anthropic", {**ANTHROPIC, "messages": said("a", [USE], [TEXT, RESULT]), "tools": ANTHROPIC_TOOLS}),
    ("anthropic", {**ANTHROPIC, "messages": said("a", "b", [RESULT]), "tools": ANTHROPIC_TOOLS}),
    ("anthropic", {**ANTHROPIC, "messages": said("a", [{**USE, "id": "a.1"}], [{**RESULT, "tool_use_id": "a.1"}])}),
    ("anthropic", {**ANTHROPIC, "thinking": {"type": "enabled", "budget_tokens": 2048}}),
    ("anthropic", {**ANTHROPIC, "model": "claude-opus-4-7", "temperature": 0.5}),
    ("anthropic", {**ANTHROPIC, "model": "claude-opus-4-7", "messages": said("a", "b")}),
    ("bedrock", {"messages": HELLO}),
    ("bedrock", {**BEDROCK, "max_tokens": 1}),
    ("bedrock", {**BEDROCK, "inferenceConfig": {"temperature": 1.5}}),
    ("bedrock", {**BEDROCK, "toolConfig": {"tools": []}}),
    ("bedrock", {**BEDROCK, "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": SCHEMA}}]}}),
    ("bedrock", {"messages": BEDROCK_LOOP}),
    ("bedrock", {"messages": BEDROCK_LOOP[:2], "toolConfig": BEDROCK_TOOLS}),
    ("bedrock", {"messages": [*BEDROCK["messages"], *BEDROCK["messages"]]}),
    ("bedrock", {"messages": [{"role": "user", "content": [{"text": "a", "image": {}}]}]}),
    ("bedrock", {"messages": [{"role": "user", "content": [{"text": " "}]}]}),
    (
        "bedrock",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"document": {"format": "pdf", "name": "a", "source": {"bytes": "aGk="}}}],
                }
            ]
        },
    ),
    ("gemini", {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}),
    ("gemini", {"contents": [{"role": "user", "parts": "x"}]}),
    ("gemini", {"contents": [{"role": "user", "parts": [{"image_url": "x"}]}]}),
    ("gemini", {"contents": [{"role": "user", "parts": []}]}),
    ("gemini", {**GEMINI, "generationConfig": {"max_tokens": 9}}),
    ("gemini", {**GEMINI, "generationConfig": {"max_output_tokens": 9}}),
    ("gemini", {**GEMINI, "labels": {"user": "u"}}),
    ("gemini", {**GEMINI, "generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}}}),
    (
        "gemini",
        {
            **GEMINI,
            "tools": [{"functionDeclarations": [{"name": "f"}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "REQUIRED"}},
        },
    ),
    ("gemini", {"contents": GEMINI_LOOP[:2], "tools": [{"functionDeclarations": [{"name": "f"}]}]}),
    ("cohere", {**OPENAI, "messages": [{"role": "developer", "content": "x"}]}),
    ("cohere", {**OPENAI, "top_p": 0.5}),
    ("cohere", {**OPENAI, "p": 1.0}),
    ("cohere", {**OPENAI, "tools": [FUNCTION], "tool_choice": "auto"}),
    ("cohere", {**OPENAI, "messages": loop()[:2], "tools": [FUNCTION]}),
    ("mistral", {**OPENAI, "seed": 1}),
    ("mistral", {**OPENAI, "stream_options": {"include_usage": True}}),
    ("mistral", {**OPENAI, "messages": [{"role": "developer", "content": "x"}]}),
    ("mistral", {**OPENAI, "messages": loop(), "tools": [FUNCTION]}),
    ("mistral", {**OPENAI, "messages": said("a", "b")}),
    ("ollama", OPENAI),
    ("ollama", {**OLLAMA, "max_tokens": 1}),
    ("ollama", {**OLLAMA, "options": {"max_tokens": 1}}),
    ("ollama", {**OLLAMA, "messages": said([{"type": "text", "text": "x"}])}),
    ("ollama", {**OLLAMA, "messages": [{"role": "user", "content": "x", "images": ["http://a/b.png"]}]}),
    (
        "ollama",
        {**OLLAMA, "messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]},
    ),
]

COMPLETION: dict[str, Any] = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {"role": "assistant", "content": "hi", "refusal": None},
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


@pytest.mark.parametrize(("dialect", "body"), RIGHT, ids=lambda each: each if isinstance(each, str) else "")
def test_what_a_vendor_documents_is_taken(dialect: str, body: Any) -> None:
    assert validate(dialect, body) == []


@pytest.mark.parametrize(("dialect", "body"), WRONG, ids=lambda each: each if isinstance(each, str) else "")
def test_what_a_vendor_refuses_is_refused(dialect: str, body: Any) -> None:
    assert validate(dialect, body)


@pytest.mark.parametrize("dialect", sorted({dialect for dialect, _ in RIGHT}))
@pytest.mark.parametrize("body", [None, [], 3, "x", {}, {"messages": None}, {"contents": [3]}, {"messages": [3]}])
def test_no_junk_is_taken_and_none_ends_the_program(dialect: str, body: Any) -> None:
    assert validate(dialect, body)


@pytest.mark.parametrize(
    "change",
    [
        {"created": "1"},
        {"usage": {"prompt_tokens": 1}},
        {"timings": {}},
        {"choices": [{**COMPLETION["choices"][0], "finish_reason": "end_turn"}]},
        {
            "choices": [
                {**COMPLETION["choices"][0], "message": {"role": "assistant", "content": "", "tool_calls": [CALL]}}
            ]
        },
    ],
)
def test_answers_are_what_the_callers_sdk_knows(change: dict[str, Any]) -> None:
    assert validate("chat.completion", COMPLETION) == []
    assert validate("chat.completion", {**COMPLETION, **change})
    assert validate("error", {"error": {"message": "m", "type": "t", "param": None, "code": "c"}}) == []
    assert validate("error", {"error": {"message": "m"}})


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def stream(*events: Any) -> bytes:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in events]
    return "".join(f"data: {text}\n\n" for text in texts).encode()


FIRST = chunk({"role": "assistant", "content": ""})
OPENS = chunk({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]})
GOES_ON = chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":1}'}}]})
LAST = chunk({}, "stop")
CALLED = chunk({}, "tool_calls")
USAGE = {**chunk({}), "choices": [], "usage": COMPLETION["usage"]}
FAILED = {"error": {"message": "m", "type": "upstream_error", "param": None, "code": "c"}}
DONE = "[DONE]"


@pytest.mark.parametrize(
    ("events", "usage_asked", "may_fail"),
    [
        ((FIRST, chunk({"content": "hi"}), LAST, DONE), False, False),
        ((FIRST, OPENS, GOES_ON, CALLED, DONE), False, False),
        ((FIRST, LAST, USAGE, DONE), True, False),
        ((FIRST, FAILED), False, True),
        ((FAILED,), True, True),
    ],
)
def test_streams_that_keep_the_rules_pass(events: tuple[Any, ...], usage_asked: bool, may_fail: bool) -> None:
    assert validate_stream(stream(*events), usage_asked, may_fail) == []


@pytest.mark.parametrize(
    ("events", "usage_asked"),
    [
        ((), False),
        ((FIRST, LAST), False),
        ((FIRST, DONE), False),
        ((chunk({"content": "no role"}), LAST, DONE), False),
        ((FIRST, {**LAST, "id": "y"}, DONE), False),
        ((FIRST, {**LAST, "created": 2}, DONE), False),
        ((FIRST, LAST, chunk({"content": "late"}), DONE), False),
        ((FIRST, GOES_ON, CALLED, DONE), False),
        ((FIRST, OPENS, OPENS, CALLED, DONE), False),
        ((FIRST, OPENS, CALLED, DONE), False),
        ((FIRST, OPENS, GOES_ON, LAST, DONE), False),
        ((FIRST, LAST, USAGE, DONE), False),
        ((FIRST, LAST, DONE), True),
        ((FIRST, USAGE, LAST, DONE), True),
        ((FIRST, {**LAST, "p": "x"}, DONE), False),
        ((FIRST, FAILED), False),
        ((FIRST, "{not json", LAST, DONE), False),
    ],
)
def test_streams_that_break_a_rule_do_not(events: tuple[Any, ...], usage_asked: bool) -> None:
    assert validate_stream(stream(*events), usage_asked)
