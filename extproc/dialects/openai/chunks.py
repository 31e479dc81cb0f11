"""A streamed chat answer in the OpenAI dialect, written chunk by chunk.

Law: the same id, time and model in every chunk; the first delta of a choice has its role; a tool call's first piece
has index, id, type and name, the others index and arguments alone; usage comes in a last chunk without choices, only
where it was asked for; behind it `[DONE]`. After a failure nothing is written, `[DONE]` neither: whoever reads to the
end must not take it for a whole answer.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from extproc.dialects import sse
from extproc.dialects.openai.chat import Thought
from extproc.dialects.openai.completion import (
    FinishReason,
    finish_reason,
    image_object,
    signature_content,
    thought_detail,
    usage_object,
)
from extproc.dialects.openai.errors import error_event, upstream_error_body
from extproc.dialects.openai.stamp import Stamp
from extproc.dialects.upstream_error import UpstreamError
from extproc.money import Usage
from extproc.refusal import Refusal

DONE: Final = b"data: [DONE]\n\n"


class ChunkWriter:
    __slots__ = ("_begun", "_calls", "_images", "_include_usage", "_stamp", "_thoughts", "ended")

    def __init__(self, stamp: Stamp, include_usage: bool) -> None:
        self._stamp = stamp
        self._include_usage = include_usage
        self._begun: set[int] = set()
        self._calls: dict[int, int] = {}  # by choice: how many tool calls have begun
        self._thoughts: dict[int, int] = {}
        self._images: dict[int, int] = {}
        self.ended = False  # by end() or fail()

    def begin(self, choice: int = 0) -> bytes:
        """The role, at once, so that a caller sees that the answer has begun. Others call it themselves."""
        if choice in self._begun:
            return b""
        self._begun.add(choice)
        return self._chunk(choice, {"role": "assistant", "content": ""})

    def text(self, text: str, choice: int = 0, logprobs: Mapping[str, Any] | None = None) -> bytes:
        if not text and logprobs is None:
            return b""
        return self.begin(choice) + self._chunk(choice, {"content": text}, logprobs=logprobs)

    def refusal(self, text: str, choice: int = 0) -> bytes:
        return self.begin(choice) + self._chunk(choice, {"refusal": text})

    def thinking(self, text: str, choice: int = 0) -> bytes:
        """Reasoning as it comes. What is signed comes whole, behind it, by `thought`."""
        return self.begin(choice) + self._chunk(choice, {"reasoning_content": text}) if text else b""

    def thought(self, thought: Thought, choice: int = 0) -> bytes:
        """One whole piece of reasoning with its signature, for the caller to send back."""
        place = self._thoughts.get(choice, 0)
        self._thoughts[choice] = place + 1
        return self.begin(choice) + self._chunk(choice, {"reasoning_details": [thought_detail(thought, place)]})

    def image(self, url: str, choice: int = 0) -> bytes:
        place = self._images.get(choice, 0)
        self._images[choice] = place + 1
        return self.begin(choice) + self._chunk(choice, {"images": [image_object(url, place)]})

    def audio(self, audio: Mapping[str, Any], choice: int = 0) -> bytes:
        return self.begin(choice) + self._chunk(choice, {"audio": audio})

    def call(
        self, id_: str, name: str, arguments: str = "", choice: int = 0, signature: str | None = None
    ) -> tuple[int, bytes]:
        """Begins a tool call; (its index, the bytes)."""
        index = self._calls.get(choice, 0)
        self._calls[choice] = index + 1
        piece: dict[str, Any] = {
            "index": index,
            "id": id_,
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        if signature is not None:
            piece["extra_content"] = signature_content(signature)
        return index, self.begin(choice) + self._chunk(choice, {"tool_calls": [piece]})

    def arguments(self, index: int, piece: str, choice: int = 0) -> bytes:
        if not piece:
            return b""
        return self._chunk(choice, {"tool_calls": [{"index": index, "function": {"arguments": piece}}]})

    def has_calls(self, choice: int = 0) -> bool:
        return self._calls.get(choice, 0) > 0

    def finish(self, reason: FinishReason, choice: int = 0) -> bytes:
        return self.begin(choice) + self._chunk(choice, {}, finish_reason(reason, self.has_calls(choice)))

    def end(self, usage: Usage | None) -> bytes:
        self.ended = True
        last = b""
        if self._include_usage and usage is not None:
            last = self._written({"choices": [], "usage": usage_object(usage)})
        return last + DONE

    def fail(self, refusal: Refusal, error: UpstreamError | None = None) -> bytes:
        """`error`: what the provider said, whose class the caller is told."""
        self.ended = True
        return error_event(refusal) if error is None else sse.encode(upstream_error_body(error))

    def _chunk(
        self,
        choice: int,
        delta: Mapping[str, Any],
        finish: FinishReason | None = None,
        logprobs: Mapping[str, Any] | None = None,
    ) -> bytes:
        one = {"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return self._written({"choices": [one], **({"usage": None} if self._include_usage else {})})

    def _written(self, fields: Mapping[str, Any]) -> bytes:
        stamp = self._stamp
        head = {"id": stamp.id, "object": "chat.completion.chunk", "created": stamp.created, "model": stamp.model}
        return sse.encode(msgspec.json.encode({**head, **fields}))
