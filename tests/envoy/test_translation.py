"""One chat request, four APIs in a row: what each upstream was sent, and what the caller got.

Law: upstreams are scripted TCP peers that keep what they were sent; answers of each API are in that API's own form.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT
from tests.envoy.gateway import Gateway, running
from tests.envoy.upstream import Upstream, always, scripted, whole

FAILED = {"circuit_breaker": {"failure_threshold": 10_000}}
OVERLOADED = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
THROTTLED = b'{"message":"Too many requests, please wait before trying again."}'
BROKEN = b'{"error":"model runner has unexpectedly stopped"}'
GOOD = json.dumps(
    {
        "id": "chatcmpl-up",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "It is 21 °C."}}],
        "usage": {"prompt_tokens": 60, "completion_tokens": 7, "total_tokens": 67},
    }
).encode()
QUESTION: dict[str, Any] = {
    "model": "everyone",
    "temperature": 0.2,
    "max_tokens": 100,
    "team": "weather",
    "messages": [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "How warm is it in Paris and in Rome?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call_a", "type": "function", "function": {"name": "warmth", "arguments": '{"city": "Paris"}'}},
                {"id": "call_b", "type": "function", "function": {"name": "warmth", "arguments": '{"city": "Rome"}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_b", "content": "25"},
        {"role": "tool", "tool_call_id": "call_a", "content": "17"},
        {"role": "user", "content": "On average, please."},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "warmth",
                "description": "Degrees Celsius",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
            },
        }
    ],
}


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, Upstream]]:
    scripts = {
        "anthropic": always(whole(OVERLOADED, 529)),
        "bedrock": always(
            whole(THROTTLED, 429, "application/json", ("x-amzn-errortype", "ThrottlingException:http://internal/"))
        ),
        "ollama": always(whole(BROKEN, 500)),
        "openai": always(whole(GOOD)),
    }
    with ExitStack() as stack:
        yield {name: stack.enter_context(scripted(script)) for name, script in scripts.items()}


@pytest.fixture(scope="module")
def gateway(upstreams: dict[str, Upstream]) -> Iterator[Gateway]:
    at = {name: upstream.origin for name, upstream in upstreams.items()}
    config = {
        "providers": {
            "anthropic": {"dialect": "anthropic", "base_url": at["anthropic"], "credential": "key-anthropic", **FAILED},
            "bedrock": {
                "dialect": "bedrock",
                "base_url": at["bedrock"],
                "region": "us-east-1",
                "credential": {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret-aws"},
                **FAILED,
            },
            "ollama": {"dialect": "ollama", "base_url": at["ollama"], **FAILED},
            "openai": {"dialect": "openai", "base_url": f"{at['openai']}/v1", "credential": "key-openai", **FAILED},
        },
        "aliases": {
            "everyone": [
                "anthropic/claude-3-5-haiku-latest",
                "bedrock/anthropic.claude-3-haiku-20240307-v1:0",
                "ollama/llama3.2",
                "openai/gpt-4o",
            ]
        },
        "failover": {"max_attempts": 4},
    }
    with running(config) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def answer(gateway: Gateway) -> httpx.Response:
    """Asked once, looked at by every test here."""
    headers = {"authorization": "Bearer callers-own", "cookie": "session=secret", "x-mine": "1"}
    return httpx.post(gateway.url + CHAT, json=QUESTION, headers=headers, trust_env=False, timeout=20)


def sent(upstreams: dict[str, Upstream], name: str) -> tuple[Any, dict[str, Any]]:
    (asked,) = upstreams[name].asked
    return asked, json.loads(asked.body)


def test_the_last_one_answers_and_its_answer_passes(answer: httpx.Response) -> None:
    assert answer.status_code == 200, answer.text
    assert answer.content == GOOD
    assert (answer.headers[names.TARGET], answer.headers[names.ATTEMPTS]) == ("openai/gpt-4o", "4")


def test_anthropic_was_sent_messages(answer: httpx.Response, upstreams: dict[str, Upstream]) -> None:
    asked, body = sent(upstreams, "anthropic")
    assert (asked.method, asked.path) == ("POST", "/v1/messages")
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("claude-3-5-haiku-latest", 100, 0.2)
    assert json.dumps(body["system"]).count("Be brief.") == 1
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    calls = [block for block in body["messages"][1]["content"] if block["type"] == "tool_use"]
    assert [(call["id"], call["input"]) for call in calls] == [
        ("call_a", {"city": "Paris"}),
        ("call_b", {"city": "Rome"}),
    ]
    kinds = [block["type"] for block in body["messages"][2]["content"]]
    assert kinds == ["tool_result", "tool_result", "text"], "results first, then what the user says"
    assert body["tools"][0]["input_schema"]["required"] == ["city"]


def test_bedrock_was_sent_converse(answer: httpx.Response, upstreams: dict[str, Upstream]) -> None:
    asked, body = sent(upstreams, "bedrock")
    assert asked.path == "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse"
    assert body["system"] == [{"text": "Be brief."}]
    assert body["inferenceConfig"] == {"maxTokens": 100, "temperature": 0.2}
    used = [block["toolUse"] for block in body["messages"][1]["content"] if "toolUse" in block]
    assert [(one["toolUseId"], one["input"]) for one in used] == [
        ("call_a", {"city": "Paris"}),
        ("call_b", {"city": "Rome"}),
    ]
    assert body["toolConfig"]["tools"][0]["toolSpec"]["name"] == "warmth"
    assert asked.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")


def test_ollama_was_sent_its_own_chat(answer: httpx.Response, upstreams: dict[str, Upstream]) -> None:
    asked, body = sent(upstreams, "ollama")
    assert (asked.path, body["model"], body["stream"]) == ("/api/chat", "llama3.2", False)
    assert body["options"] == {"temperature": 0.2, "num_predict": 100}
    calls = body["messages"][2]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == [{"city": "Paris"}, {"city": "Rome"}]


def test_openai_was_sent_what_the_caller_wrote(answer: httpx.Response, upstreams: dict[str, Upstream]) -> None:
    """But for the model's name and what is the gateway's own."""
    asked, body = sent(upstreams, "openai")
    assert asked.path == "/v1/chat/completions"
    wanted = {key: value for key, value in QUESTION.items() if key != "team"}
    assert body == {**wanted, "model": "gpt-4o"}


CREDENTIALS = {
    "anthropic": ("x-api-key", "key-anthropic"),
    "bedrock": ("authorization", "AWS4-HMAC-SHA256"),
    "ollama": ("", ""),
    "openai": ("authorization", "Bearer key-openai"),
}
SECRETS = ("key-anthropic", "AKIDEXAMPLE", "secret-aws", "key-openai", "callers-own", "session=secret")


@pytest.mark.parametrize("name", CREDENTIALS)
def test_each_was_shown_its_own_credential_and_nobody_elses(
    answer: httpx.Response, upstreams: dict[str, Upstream], name: str
) -> None:
    asked, _ = sent(upstreams, name)
    header, value = CREDENTIALS[name]
    own = asked.headers.get(header, "")
    assert own.startswith(value)
    others = "\n".join(f"{key}: {text}" for key, text in asked.raw_headers if key != header)
    assert [secret for secret in SECRETS if secret in others] == []
    assert "x-amz-security-token" not in asked.headers
    assert ("x-amz-date" in asked.headers) == (name == "bedrock")
    assert int(asked.headers["content-length"]) == len(asked.body)
    assert "x-mine" not in asked.headers


def test_the_decision_line_tells_every_attempt(answer: httpx.Response, gateway: Gateway) -> None:
    line = gateway.decision(answer.headers[names.REQUEST_ID])
    assert [one["status"] for one in line["attempts"]] == [529, 429, 500, 200]
    assert line["usage"]["input"] == 60
