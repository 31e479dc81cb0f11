"""Recordings that nobody recorded: small ones of our own in each provider's format, so that the replay always has some.

Law: one for everything a reader may stumble over: text beyond ASCII, several calls, empty arguments, thought, cached
tokens, a cap that was reached, a refusal, a failure behind the headers.
"""

import json
from collections.abc import Iterator
from typing import Any

from tests.replay.recordings import Recording
from tests.upstreams.formats import FORMATS, Format
from tests.upstreams.words import Said

TEXT = "Grüße aus Łódź: 🌧️ “rain”, then sun.\n\nIt is 3 °C."
ANSWERS: dict[str, Said] = {
    "text": Said(TEXT),
    "text and calls": Said("Let me look.", (("forecast", {"city": "Łódź", "days": 2}), ("clock", {}))),
    "calls alone": Said(calls=(("forecast", {"city": 'A "quoted" \\ name'}), ("forecast", {"city": "B"}))),
    "thought": Said("It rains.", thought="They ask for the weather … 🤔"),
    "cut": Said("It rai", cut=True),
    "nothing": Said(""),
    "not cached": Said("hi", cached_tokens=0, output_tokens=1),
}
PATHS = {
    "openai": ("/v1/chat/completions", "/v1/chat/completions"),
    "anthropic": ("/v1/messages", "/v1/messages"),
    "bedrock": ("/model/{model}/converse", "/model/{model}/converse-stream"),
    "gemini": ("/v1beta/models/{model}:generateContent", "/v1beta/models/{model}:streamGenerateContent?alt=sse"),
    "vertex": (
        "/v1/projects/p/locations/l/publishers/google/models/{model}:generateContent",
        "/v1/projects/p/locations/l/publishers/google/models/{model}:streamGenerateContent?alt=sse",
    ),
    "cohere": ("/v2/chat", "/v2/chat"),
    "mistral": ("/v1/chat/completions", "/v1/chat/completions"),
    "ollama": ("/api/chat", "/api/chat"),
}


def handwritten() -> list[Recording]:
    found: list[Recording] = []
    for dialect, form in FORMATS.items():
        for answer in _answers(dialect, form):
            found.append(_recording(len(found) + 1, dialect, form, *answer))
    return found


Made = tuple[str, bool, int, str, dict[str, str], bytes]  # what it is, streamed, status, content type, headers, body


def _answers(dialect: str, form: Format) -> Iterator[Made]:
    for name, said in ANSWERS.items():
        yield name, False, 200, form.type, {}, form.whole(said)
        yield f"{name}, streamed", True, 200, form.stream_type, {}, form.stream(said)
    for status in (400, 403, 429):
        code, headers, body = form.error(status, "It was refused.")
        yield f"error {code}", False, code, form.type, headers, body
    yield "fails behind the headers", True, 200, form.stream_type, {}, form.failing_stream(Said("It begins"))


def _recording(number: int, dialect: str, form: Format, *made: Any) -> Recording:
    name, streamed, status, content_type, headers, body = made
    path = PATHS[dialect][1 if streamed else 0].format(model=form.model.replace(":", "%3A"))
    asked = {"model": form.model, "stream": streamed, **_tools(dialect)}
    return Recording(number, name, dialect, "POST", path, json.dumps(asked), status, content_type, headers, body)


def _tools(dialect: str) -> dict[str, Any]:
    """Declared as natively as the replay reads them."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    names = ("forecast", "clock")
    if dialect == "anthropic":
        return {"tools": [{"name": name, "input_schema": schema} for name in names]}
    if dialect == "bedrock":
        specs = [{"toolSpec": {"name": name, "inputSchema": {"json": schema}}} for name in names]
        return {"toolConfig": {"tools": specs}}
    if dialect in ("gemini", "vertex"):
        return {"tools": [{"functionDeclarations": [{"name": name} for name in names]}]}
    return {"tools": [{"type": "function", "function": {"name": name, "parameters": schema}} for name in names]}
