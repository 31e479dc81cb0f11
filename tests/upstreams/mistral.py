"""Mistral's chat completions: OpenAI's but for padding, usage in the last chunk, whole calls, thought in lists."""

import json
from typing import Any

from tests.upstreams.words import Heard, Said

TYPE = "application/json"
STREAM_TYPE = "text/event-stream; charset=utf-8"


def hear(path: str, body: dict[str, Any]) -> Heard:
    assert path == "/v1/chat/completions", path
    messages = body["messages"]
    results: list[str] = []
    while messages and messages[-1]["role"] == "tool":
        results.insert(0, str(messages[-1]["content"]))
        messages = messages[:-1]
    tools = body.get("tools") or []
    choice = body.get("tool_choice")
    forced = choice["function"]["name"] if isinstance(choice, dict) else "" if choice in ("any", "required") else None
    schema = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
    content = messages[-1].get("content") or ""
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    offered = tuple((tool["function"]["name"], tool["function"]["parameters"]) for tool in tools)
    return Heard(text, offered, tuple(results), schema, forced, body.get("stream") or False)


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


def _thinking(text: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


def _calls(said: Said) -> list[dict[str, Any]]:
    return [
        {"id": f"abcdefgh{index}", "index": index, "function": {"name": name, "arguments": json.dumps(given)}}
        for index, (name, given) in enumerate(said.calls)
    ]


def whole(said: Said) -> bytes:
    content: Any = said.text
    if said.thought:
        content = [_thinking(said.thought), {"type": "text", "text": said.text}]
    message = {"role": "assistant", "content": content, "tool_calls": _calls(said) or None}
    choice = {"index": 0, "finish_reason": _finish(said), "message": message}
    head = {"id": "m1", "created": 1757759489, "model": "mistral-of-ours", "object": "chat.completion"}
    return json.dumps({**head, "usage": _usage(said), "choices": [choice]}).encode()


def stream(said: Said) -> bytes:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": [_thinking(said.thought)]}] if said.thought else []
    deltas += [{"content": piece} for piece in said.text_pieces()]
    chunks = [_chunk(delta, None) for delta in deltas]
    last: dict[str, Any] = {"content": ""}
    if said.calls:
        last["tool_calls"] = _calls(said)
    chunks.append(_chunk(last, _finish(said)) | {"usage": _usage(said)})
    return b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in chunks) + b"data: [DONE]\n\n"


def _chunk(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    head = {"id": "m1", "object": "chat.completion.chunk", "created": 1757759489, "model": "mistral-of-ours"}
    return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "p": "abcdefg"}


def error(status: int, message: str) -> tuple[int, dict[str, str], bytes]:
    if status == 422:
        said: Any = {"detail": [{"loc": ["body", "seed"], "msg": message, "type": "extra_forbidden"}]}
    else:
        said = {"object": "error", "message": message, "type": "invalid_request_error", "param": None, "code": "3280"}
    return status, {}, json.dumps(said).encode()


def failing_stream(said: Said) -> bytes:
    began = _chunk({"role": "assistant", "content": said.text[:5] or "x"}, None)
    failure = {"object": "error", "message": "Service unavailable.", "type": "internal_server_error", "code": "3000"}
    return b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in (began, failure))
