"""Ollama's /api/chat: lines of JSON, whole calls without ids, `stop` even where tools are called."""

import json
from typing import Any

from tests.upstreams.words import Heard, Said, cut_up

TYPE = "application/json; charset=utf-8"
STREAM_TYPE = "application/x-ndjson"


def hear(path: str, body: dict[str, Any]) -> Heard:
    assert path == "/api/chat", path
    messages = body["messages"]
    results: list[str] = []
    while messages and messages[-1]["role"] == "tool":
        results.insert(0, str(messages[-1]["content"]))
        messages = messages[:-1]
    wanted = body.get("format")
    return Heard(
        messages[-1].get("content") or "",
        tuple((tool["function"]["name"], tool["function"]["parameters"]) for tool in body.get("tools") or []),
        tuple(results),
        wanted if isinstance(wanted, dict) else None,
        None,
        body.get("stream", True),
    )


def _line(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    when = "2026-01-01T00:00:00.123456789Z"
    given = {"role": "assistant", "content": "", **message}
    return {"model": "llama-of-ours", "created_at": when, "message": given, "done": False, **more}


def _ending(said: Said) -> dict[str, Any]:
    return {
        "done": True,
        "done_reason": "length" if said.cut else "stop",
        "total_duration": 5,
        "prompt_eval_count": said.fresh_tokens + said.cached_tokens,
        "eval_count": said.output_tokens,
    }


def _calls(said: Said) -> dict[str, Any]:
    calls = [{"function": {"name": name, "arguments": given}} for name, given in said.calls]
    return {"tool_calls": calls} if calls else {}


def whole(said: Said) -> bytes:
    thought = {"thinking": said.thought} if said.thought else {}
    return json.dumps(_line({"content": said.text, **thought, **_calls(said)}, **_ending(said))).encode()


def stream(said: Said) -> bytes:
    lines = [_line({"thinking": piece}) for piece in cut_up(said.thought, said.pieces)]
    lines += [_line({"content": piece}) for piece in said.text_pieces()]
    lines += [_line(_calls(said))] if said.calls else []
    lines.append(_line({}, **_ending(said)))
    return b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in lines)


def error(status: int, message: str) -> tuple[int, dict[str, str], bytes]:
    return status, {}, json.dumps({"error": message}).encode()


def failing_stream(said: Said) -> bytes:
    lines = [_line({"content": said.text[:5] or "x"}), {"error": "an error was encountered while running the model"}]
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)
