"""Gemini's generateContent, of AI Studio and of Vertex: CRLF between events, whole calls, STOP even where tools are
called, usage repeated in every chunk, thoughts counted apart, no end mark."""

import json
from typing import Any

from tests.upstreams.words import Heard, Said

TYPE = "application/json; charset=UTF-8"
STREAM_TYPE = "text/event-stream"
THOUGHT_TOKENS = 3


def hear(path: str, body: dict[str, Any]) -> Heard:
    plain, _, query = path.partition("?")
    operation = plain.rpartition(":")[2]
    assert "/models/" in plain and operation in ("generateContent", "streamGenerateContent"), path
    assert operation == "generateContent" or "alt=sse" in query, path
    parts = body["contents"][-1]["parts"]
    declared = [each for tool in body.get("tools", []) for each in tool.get("functionDeclarations", [])]
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
    forced = (calling.get("allowedFunctionNames") or [""])[0] if calling.get("mode") == "ANY" else None
    config = body.get("generationConfig", {})
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    return Heard(
        "".join(part["text"] for part in parts if "text" in part),
        tuple((each["name"], each.get("parametersJsonSchema") or each.get("parameters")) for each in declared),
        tuple(str(part["functionResponse"]["response"]) for part in parts if "functionResponse" in part),
        schema,
        forced,
        operation == "streamGenerateContent",
    )


def _answer(said: Said, parts: list[dict[str, Any]], finish: str | None, output: int) -> dict[str, Any]:
    prompt = said.fresh_tokens + said.cached_tokens
    thoughts = {"thoughtsTokenCount": THOUGHT_TOKENS} if said.thought else {}
    counted = sum(thoughts.values())
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if not parts:
        candidate["content"] = {"role": "model"}
    if finish is not None:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": prompt,
            "cachedContentTokenCount": said.cached_tokens,
            "candidatesTokenCount": output - counted,
            "totalTokenCount": prompt + output,
            **thoughts,
        },
        "modelVersion": "gemini-of-ours",
        "responseId": "r1",
    }


def _parts(said: Said) -> list[dict[str, Any]]:
    thought = [{"text": said.thought, "thought": True}] if said.thought else []
    calls: list[dict[str, Any]] = [{"functionCall": {"name": name, "args": given}} for name, given in said.calls]
    if calls:
        calls[0]["thoughtSignature"] = "c2ln"
    return [*thought, *([{"text": said.text}] if said.text else []), *calls]


def _finish(said: Said) -> str:
    return "MAX_TOKENS" if said.cut else "STOP"


def whole(said: Said) -> bytes:
    return json.dumps(_answer(said, _parts(said), _finish(said), said.output_tokens), indent=1).encode()


def stream(said: Said) -> bytes:
    parts = [each for each in _parts(said) if "text" not in each or each.get("thought")]
    texts: list[dict[str, Any]] = [{"text": piece} for piece in said.text_pieces()]
    thoughts, calls = [p for p in parts if p.get("thought")], [p for p in parts if "functionCall" in p]
    chunks = [_answer(said, [each], None, said.output_tokens - 1) for each in (*thoughts, *texts)]
    chunks.append(_answer(said, calls, _finish(said), said.output_tokens))
    return b"".join(b"data: %b\r\n\r\n" % json.dumps(chunk, ensure_ascii=False).encode() for chunk in chunks)


def error(status: int, message: str) -> tuple[int, dict[str, str], bytes]:
    names = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
    said = {"error": {"code": status, "message": message, "status": names.get(status, "INTERNAL")}}
    return status, {}, json.dumps(said).encode()


def failing_stream(said: Said) -> bytes:
    began = _answer(said, [{"text": said.text[:5] or "x"}], None, 1)
    failure = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    return b"".join(b"data: %b\r\n\r\n" % json.dumps(chunk).encode() for chunk in (began, failure))
