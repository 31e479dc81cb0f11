"""OpenAI's own chat completions: the baseline that all others must look like."""

import json
from typing import Any

from tests.upstreams.words import Heard, Said, cut_up

TYPE = "application/json"
STREAM_TYPE = "text/event-stream; charset=utf-8"


def hear(path: str, body: dict[str, Any]) -> Heard:
    assert path == "/v1/chat/completions", path
    messages = body["messages"]
    results: list[str] = []
    while messages and messages[-1]["role"] == "tool":
        results.insert(0, str(messages[-1]["content"]))
        messages = messages[:-1]
    choice = body.get("tool_choice")
    forced = choice["function"]["name"] if isinstance(choice, dict) else "" if choice == "required" else None
    offered = tuple((tool["function"]["name"], tool["function"]["parameters"]) for tool in body.get("tools", []))
    content = messages[-1].get("content") or ""
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    usage_asked = body.get("stream_options", {}).get("include_usage", False)
    return Heard(text, offered, tuple(results), schema, forced, body.get("stream", False), usage_asked)


def _finish(said: Said) -> str:
    return "tool_calls" if said.calls else "length" if said.cut else "stop"


def _usage(said: Said) -> dict[str, Any]:
    prompt = said.fresh_tokens + said.cached_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": said.output_tokens,
        "total_tokens": prompt + said.output_tokens,
        "prompt_tokens_details": {"cached_tokens": said.cached_tokens},
    }


def _calls(said: Said) -> list[dict[str, Any]]:
    return [
        {"id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
        for index, (name, given) in enumerate(said.calls)
    ]


def _head(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1757759489, "model": "gpt-of-ours"}


def whole(said: Said) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": said.text, "refusal": None}
    if said.calls:
        message["tool_calls"] = _calls(said)
    choice = {"index": 0, "finish_reason": _finish(said), "logprobs": None, "message": message}
    return json.dumps({**_head("chat.completion"), "choices": [choice], "usage": _usage(said)}).encode()


def stream(said: Said) -> bytes:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in said.text_pieces()]
    for index, call in enumerate(_calls(said)):
        opened = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
        pieces = cut_up(call["function"]["arguments"], said.pieces)
        deltas += [{"tool_calls": [opened]}]
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in pieces]
    chunks = [_chunk(delta, None) for delta in deltas] + [_chunk({}, _finish(said))]
    if said.usage_asked:
        chunks.append({**_head("chat.completion.chunk"), "choices": [], "usage": _usage(said)})
    return _events(*chunks) + b"data: [DONE]\n\n"


def _chunk(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**_head("chat.completion.chunk"), "choices": [choice], "obfuscation": "abc"}


def _events(*chunks: dict[str, Any]) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in chunks)


def error(status: int, message: str) -> tuple[int, dict[str, str], bytes]:
    said = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return status, {}, json.dumps({"error": said}).encode()


def failing_stream(said: Said) -> bytes:
    began = _chunk({"role": "assistant", "content": said.text[:5] or "x"}, None)
    failure = {"error": {"message": "It broke.", "type": "server_error", "param": None, "code": None}}
    return _events(began, failure)
