"""Anthropic's Messages: with pings, padded JSON, a first empty piece of arguments and unknown events between."""

import json
from typing import Any

from tests.upstreams.words import Heard, Said, cut_up

TYPE = "application/json"
STREAM_TYPE = "text/event-stream; charset=utf-8"


def hear(path: str, body: dict[str, Any]) -> Heard:
    assert path == "/v1/messages", path
    last = body["messages"][-1]["content"]
    blocks = [{"type": "text", "text": last}] if isinstance(last, str) else last
    tools = body.get("tools", [])
    choice = body.get("tool_choice", {})
    forced = {"any": "", "tool": choice.get("name")}.get(choice.get("type"))
    schema = body.get("output_config", {}).get("format", {}).get("schema")
    return Heard(
        "".join(block["text"] for block in blocks if block["type"] == "text"),
        tuple((tool["name"], tool["input_schema"]) for tool in tools),
        tuple(str(block["content"]) for block in blocks if block["type"] == "tool_result"),
        schema,
        forced,
        body.get("stream", False),
    )


def _stop_reason(said: Said) -> str:
    return "tool_use" if said.calls else "max_tokens" if said.cut else "end_turn"


def _blocks(said: Said) -> list[dict[str, Any]]:
    thought = [{"type": "thinking", "thinking": said.thought, "signature": "c2ln"}] if said.thought else []
    text = [{"type": "text", "text": said.text}] if said.text else []
    calls = [
        {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": given}
        for index, (name, given) in enumerate(said.calls)
    ]
    return [*thought, *text, *calls]


def _message(said: Said, content: list[dict[str, Any]], stop_reason: str | None, output: int) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-of-ours",
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": said.fresh_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": said.cached_tokens,
            "output_tokens": output,
            "service_tier": "standard",
        },
    }


def whole(said: Said) -> bytes:
    return json.dumps(_message(said, _blocks(said), _stop_reason(said), said.output_tokens)).encode()


def stream(said: Said) -> bytes:
    events: list[dict[str, Any]] = [{"type": "message_start", "message": _message(said, [], None, 1)}]
    for index, block in enumerate(_blocks(said)):
        empty, deltas = _parts(block, said.pieces)
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        if index == 0:
            events.append({"type": "ping"})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "event_of_tomorrow", "x": 1})
    usage = {"output_tokens": said.output_tokens}
    ending = {"stop_reason": _stop_reason(said), "stop_sequence": None}
    events += [{"type": "message_delta", "delta": ending, "usage": usage}, {"type": "message_stop"}]
    return b"".join(_event(event) for event in events)


def _parts(block: dict[str, Any], size: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "text":
        return {**block, "text": ""}, [{"type": "text_delta", "text": piece} for piece in cut_up(block["text"], size)]
    if block["type"] == "thinking":
        pieces = [{"type": "thinking_delta", "thinking": piece} for piece in cut_up(block["thinking"], size)]
        signed = {"type": "signature_delta", "signature": block["signature"]}
        return {**block, "thinking": "", "signature": ""}, [*pieces, signed]
    pieces = ["", *cut_up(json.dumps(block["input"]) if block["input"] else "", size)]
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


def _event(event: dict[str, Any]) -> bytes:
    text = json.dumps(event, ensure_ascii=False)
    return f"event: {event['type']}\ndata: {text[:-1]}      }}\n\n".encode()


def error(status: int, message: str) -> tuple[int, dict[str, str], bytes]:
    kinds = {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        429: "rate_limit_error",
    }
    kind = kinds.get(status, "overloaded_error" if status == 529 else "api_error")
    return status, {}, json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()


def failing_stream(said: Said) -> bytes:
    """It fails after it began."""
    came = stream(said).partition(b"event: content_block_stop")[0]
    return came + _event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
