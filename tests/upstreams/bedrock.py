"""Bedrock's Converse: AWS event-stream frames with both checksums, padding in every payload, usage behind the stop."""

import json
import struct
import zlib
from typing import Any

from tests.upstreams.words import Heard, Said, cut_up

TYPE = "application/json"
STREAM_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    written = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(written) + len(payload), len(written))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + written + payload
    return message + struct.pack(">I", zlib.crc32(message))


def event(kind: str, payload: dict[str, Any]) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps({**payload, "p": "abcdefgh"}, ensure_ascii=False).encode())


def exception(kind: str, message: str) -> bytes:
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps({"message": message}).encode())


def hear(path: str, body: dict[str, Any]) -> Heard:
    assert path.startswith("/model/") and path.rpartition("/")[2] in ("converse", "converse-stream"), path
    last = body["messages"][-1]["content"]
    tools = [tool["toolSpec"] for tool in body.get("toolConfig", {}).get("tools", []) if "toolSpec" in tool]
    choice = body.get("toolConfig", {}).get("toolChoice", {})
    forced = "" if "any" in choice else choice.get("tool", {}).get("name")
    own = body.get("additionalModelRequestFields", {}).get("tool_choice", {})  # Claude's own word for it
    forced = {"any": "", "tool": own.get("name")}.get(own.get("type"), forced)
    wanted = body.get("outputConfig", {}).get("textFormat", {}).get("structure", {}).get("jsonSchema", {}).get("schema")
    return Heard(
        "".join(block["text"] for block in last if "text" in block),
        tuple((tool["name"], tool["inputSchema"]["json"]) for tool in tools),
        tuple(str(block["toolResult"]["content"]) for block in last if "toolResult" in block),
        json.loads(wanted) if wanted else None,
        forced,
        path.endswith("converse-stream"),
    )


def _stop_reason(said: Said) -> str:
    return "tool_use" if said.calls else "max_tokens" if said.cut else "end_turn"


def _usage(said: Said) -> dict[str, int]:
    counted = {"inputTokens": said.fresh_tokens, "outputTokens": said.output_tokens}
    cached = {"cacheReadInputTokens": said.cached_tokens, "cacheReadInputTokenCount": said.cached_tokens}
    return {**counted, **cached, "totalTokens": said.fresh_tokens + said.cached_tokens + said.output_tokens}


def whole(said: Said) -> bytes:
    thought = {"reasoningContent": {"reasoningText": {"text": said.thought, "signature": "c2ln"}}}
    calls = [
        {"toolUse": {"toolUseId": f"tooluse_{index}", "name": name, "input": given}}
        for index, (name, given) in enumerate(said.calls)
    ]
    content = [*([thought] if said.thought else []), *([{"text": said.text}] if said.text else []), *calls]
    answer = {
        "metrics": {"latencyMs": 1},
        "output": {"message": {"content": content, "role": "assistant"}},
        "stopReason": _stop_reason(said),
        "usage": _usage(said),
    }
    return json.dumps(answer).encode()


def stream(said: Said) -> bytes:
    out, index = [event("messageStart", {"role": "assistant"})], 0
    runs: list[list[dict[str, Any]]] = []
    if said.thought:
        pieces = [{"reasoningContent": {"text": piece}} for piece in cut_up(said.thought, said.pieces)]
        runs.append([*pieces, {"reasoningContent": {"signature": "c2ln"}}])
    if said.text:
        runs.append([{"text": piece} for piece in said.text_pieces()])
    for run in runs:
        out += [event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}) for delta in run]
        out.append(event("contentBlockStop", {"contentBlockIndex": index}))
        index += 1
    for number, (name, given) in enumerate(said.calls):
        start = {"toolUse": {"toolUseId": f"tooluse_{number}", "name": name}}
        out.append(event("contentBlockStart", {"contentBlockIndex": index, "start": start}))
        pieces = ["", *cut_up(json.dumps(given) if given else "", said.pieces)]
        deltas = [{"toolUse": {"input": piece}} for piece in pieces]
        out += [event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}) for delta in deltas]
        out.append(event("contentBlockStop", {"contentBlockIndex": index}))
        index += 1
    out.append(event("messageStop", {"stopReason": _stop_reason(said)}))
    out.append(event("metadata", {"metrics": {"latencyMs": 1}, "usage": _usage(said)}))
    return b"".join(out)


def error(status: int, message: str) -> tuple[int, dict[str, str], bytes]:
    kinds = {400: "ValidationException", 403: "AccessDeniedException", 429: "ThrottlingException"}
    kind = kinds.get(status, "InternalServerException")
    header = {"x-amzn-errortype": f"{kind}:http://internal.example/coral/"}
    return status, header, json.dumps({"message": message}).encode()


def failing_stream(said: Said) -> bytes:
    began = event("messageStart", {"role": "assistant"})
    began += event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": said.text[:5] or "x"}})
    return began + exception("throttlingException", "Too many requests")
