"""Errors in the OpenAI dialect: how we say them, and how those of others are known in a stream.

Law: what the gateway says comes from a refusal, whose message is public. Of an upstream's error only what
`UpstreamError` shows is said again.
"""

from typing import Any

import msgspec

from extproc.dialects import sse
from extproc.dialects.upstream_error import UpstreamError
from extproc.refusal import Refusal


class _First(msgspec.Struct):
    error: Any = None
    type: Any = None
    object: Any = None


_first = msgspec.json.Decoder(_First)


def error_body(refusal: Refusal) -> bytes:
    """The body of an answer that refuses."""
    return msgspec.json.encode({"error": _error(refusal)})


def upstream_error_body(error: UpstreamError) -> bytes:
    """A provider's error, as the caller's SDK reads one."""
    said = {"message": error.shown_message, "type": error.shown_type, "param": error.param, "code": error.shown_code}
    return msgspec.json.encode({"error": said})


def error_event(refusal: Refusal, endpoint: str = "chat") -> bytes:
    """The last event of a stream that cannot go on."""
    if endpoint == "responses":
        flat = {"type": "error", "code": refusal.reason.code, "message": refusal.message, "param": refusal.param}
        return sse.encode(msgspec.json.encode(flat), "error")
    return sse.encode(error_body(refusal))


def is_error_event(event: sse.Event) -> bool:
    """Whether an event of a stream that began with 200 is an error: OpenAI's, OpenRouter's, Groq's, /v1/responses'."""
    if event.name == "error":
        return True
    if event.data is None or not event.data.lstrip().startswith(b"{"):
        return False
    try:
        first = _first.decode(event.data)
    except (ValueError, RecursionError):
        return False
    if first.type in ("error", "response.failed") or first.object == "error":
        return True
    return first.error is not None


def _error(refusal: Refusal) -> dict[str, str | None]:
    return {
        "message": refusal.message,
        "type": refusal.reason.type,
        "param": refusal.param,
        "code": refusal.reason.code,
    }
