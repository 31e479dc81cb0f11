"""Cohere's /v2/chat: the plan apart from the text, calls as single objects, numbers as floats."""

import json
from typing import Any

from tests.upstreams.words import Heard, Said, cut_up

TYPE = "application/json"
STREAM_TYPE = "text/event-stream"


def hear(path: str, body: dict[str, Any]) -> Heard:
    assert path == "/v2/chat", path
    messages = body["messages"]
    results: list[str] = []
    while messages and messages[-1]["role"] == "tool":
        results.insert(0, str(messages[-1]["content"]))
        messages = messages[:-1]
    tools = body.get("tools", [])
    forced = "" if body.get("tool_choice") == "REQUIRED" else None
    schema = body.get("response_format", {}).get("json_schema")
    content = messages[-1].get("content") or ""
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    offered = tuple((tool["function"]["name"], tool["function"]["parameters"]) for tool in tools)
    return Heard(text, offered, tuple(results), schema, forced, body.get("stream", False))


def _finish(said: Said) -> str:
    return "TOOL_CALL" if said.calls else "MAX_TOKENS" if said.cut else "COMPLETE"


def _usage(said: Said) -> dict[str, Any]:
    tokens = {"input_tokens": float(said.fresh_tokens + said.cached_tokens), "output_tokens": float(said.output_tokens)}
    return {
        "billed_units": {"input_tokens": 2.0, "output_tokens": 1.0},
        "tokens": tokens,
        "cached_tokens": float(said.cached_tokens),
    }


def _calls(said: Said) -> list[dict[str, Any]]:
    return [
        {"id": f"{name}_{index}", "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
        for index, (name, given) in enumerate(said.calls)
    ]


def whole(said: Said) -> bytes:
    message: dict[str, Any] = {"role": "assistant"}
    content = [{"type": "thinking", "thinking": said.thought}] if said.thought else []
    if said.calls:
        message |= {"tool_plan": said.text, "tool_calls": _calls(said)}
    else:
        message["content"] = [*content, {"type": "text", "text": said.text}]
    answer = {"id": "c1", "message": message, "finish_reason": _finish(said), "usage": _usage(said)}
    return json.dumps(answer).encode()


def stream(said: Said) -> bytes:
    events: list[dict[str, Any]] = [_event("message-start", id="c1", message={"role": "assistant", "content": []})]
    if said.calls:
        events += [_event("tool-plan-delta", message={"tool_plan": piece}) for piece in said.text_pieces()]
    else:
        events += _content(0, "thinking", said.thought, said.pieces) if said.thought else []
        events += _content(1 if said.thought else 0, "text", said.text, said.pieces)
    for index, call in enumerate(_calls(said)):
        opened = {**call, "function": {**call["function"], "arguments": ""}}
        events.append(_event("tool-call-start", index=index, message={"tool_calls": opened}))
        for piece in cut_up(call["function"]["arguments"], said.pieces):
            part = {"tool_calls": {"function": {"arguments": piece}}}
            events.append(_event("tool-call-delta", index=index, message=part))
        events.append({"type": "tool-call-end", "index": index})
    events.append({"type": "message-end", "delta": {"finish_reason": _finish(said), "usage": _usage(said)}})
    said_events = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
    return (said_events + "data: [DONE]\n\n").encode()


def _event(kind: str, message: Any, **more: Any) -> dict[str, Any]:
    return {"type": kind, "delta": {"message": message}, **more}


def _content(index: int, kind: str, text: str, size: int) -> list[dict[str, Any]]:
    pieces = [_event("content-delta", index=index, message={"content": {kind: piece}}) for piece in cut_up(text, size)]
    opened = _event("content-start", index=index, message={"content": {"type": kind, kind: ""}})
    return [opened, *pieces, {"type": "content-end", "index": index}]


def error(status: int, message: str) -> tuple[int, dict[str, str], bytes]:
    return status, {}, json.dumps({"id": "e1", "message": message}).encode()


def failing_stream(said: Said) -> bytes:
    ending = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "it broke"}}
    began = stream(said).partition(b"event: message-end")[0]
    return began + f"event: message-end\ndata: {json.dumps(ending)}\n\n".encode()
