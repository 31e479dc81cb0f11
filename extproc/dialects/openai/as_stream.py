"""A whole chat answer as the stream that its caller asked for: some servers answer whole whatever they are asked."""

from typing import Any

import msgspec

from extproc.dialects import sse
from extproc.dialects.openai.chunks import DONE


def as_stream(completion: bytes, include_usage: bool) -> bytes:
    """`completion` is one of our own making."""
    whole: dict[str, Any] = msgspec.json.decode(completion)
    head = {key: whole[key] for key in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    unasked = {"usage": None} if include_usage else {}
    chunks: list[dict[str, Any]] = []
    for choice in whole["choices"]:
        index = choice["index"]
        delta = {key: value for key, value in choice["message"].items() if value is not None}
        for place, call in enumerate(delta.get("tool_calls", ())):
            call["index"] = place
        said = {"index": index, "delta": delta, "logprobs": choice.get("logprobs"), "finish_reason": None}
        ended = {"index": index, "delta": {}, "logprobs": None, "finish_reason": choice["finish_reason"]}
        chunks += [{**head, "choices": [said], **unasked}, {**head, "choices": [ended], **unasked}]
    if include_usage and "usage" in whole:
        chunks.append({**head, "choices": [], "usage": whole["usage"]})
    return b"".join(sse.encode(msgspec.json.encode(chunk)) for chunk in chunks) + DONE
