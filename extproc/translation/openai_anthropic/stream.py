"""Anthropic's events as chat chunks.

Law: an event is what its data says it is; blocks and events that no caller of ours asked for are skipped, pings pass as
comments. Reasoning is told as it comes, and once more whole with its signature. Where a tool's input is the answer, it
streams as content, and words before it are held until it is known that they are all there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from extproc.dialects import tolerant
from extproc.dialects.anthropic import ORIGIN, error_of, finish_of, is_error, usage_of
from extproc.dialects.openai.chat import Thought
from extproc.refusal import Reason, Refusal
from extproc.translation.openai_anthropic.answer import Expected, id_of, input_of, refusal_of, thought_of
from extproc.translation.pair import Call, Destination
from extproc.translation.read_stream import KEEP_ALIVE, EventFrames, ReadStream

LARGEST: Final = 1 << 24  # bytes of one event, and of one piece of reasoning


@dataclass(slots=True)
class _Block:
    """A content block that has begun. `call`: the index of the caller's call; -1: it is no call."""

    kind: str
    call: int = -1
    whole: str = "{}"  # the input that its beginning told
    said: bool = False  # some of its input has come
    text: list[str] = field(default_factory=list)
    signature: list[str] = field(default_factory=list)
    size: int = 0


class AnthropicStream(ReadStream):
    __slots__ = ("_blocks", "_expected", "_held", "_last", "_told")

    def __init__(self, call: Call, to: Destination, expected: Expected) -> None:
        super().__init__(call, to, EventFrames(LARGEST))
        self._expected = expected
        self._blocks: dict[int, _Block] = {}
        self._told: dict[str, Any] = {}  # the last usage told, by its members
        self._last: Mapping[str, Any] = {}  # why it stopped
        self._held: list[str] = []

    def _on(self, told: Mapping[str, Any]) -> bytes:
        handler = _HANDLERS.get("error" if is_error(told) else tolerant.text(told, "type"))
        return b"" if handler is None else handler(self, told)

    # --- the message -------------------------------------------------------------------------------------------------

    def _on_start(self, told: Mapping[str, Any]) -> bytes:
        self._count(tolerant.mapping(told, "message", "usage"))
        if self.usage is not None:  # its output is that of the first moment: who leaves early was given more
            self.usage = replace(self.usage, estimated=True)
        return self._write(tolerant.text(told, "message", "model")).begin()

    def _on_delta(self, told: Mapping[str, Any]) -> bytes:
        self._count(tolerant.mapping(told, "usage"))
        delta = tolerant.mapping(told, "delta")
        if delta.get("stop_reason") is not None:
            self._last = delta
        return b""

    def _on_stop(self, _: Mapping[str, Any]) -> bytes:
        out = self._let_go()
        why = refusal_of(self._last)
        if why is not None:
            out += self._write().refusal(why)
        reason = finish_of(self._last.get("stop_reason"), self._write().has_calls())
        return out + self._write().finish(reason) + self._write().end(self.usage)

    def _on_ping(self, _: Mapping[str, Any]) -> bytes:
        return KEEP_ALIVE

    def _on_error(self, told: Mapping[str, Any]) -> bytes:
        error = error_of(told)
        self.failure = Refusal(Reason.UPSTREAM_ERROR, error.shown_message)
        return self._write().fail(self.failure, error)

    def _count(self, told: Mapping[str, Any]) -> None:
        self._told |= {name: value for name, value in told.items() if value is not None}
        self.usage = usage_of(self._told)

    # --- its blocks --------------------------------------------------------------------------------------------------

    def _on_block(self, told: Mapping[str, Any]) -> bytes:
        begun = tolerant.mapping(told, "content_block")
        block = _Block(tolerant.text(begun, "type"))
        self._blocks[tolerant.count(told, "index") or 0] = block
        match block.kind:
            case "text":
                return self._text(tolerant.text(begun, "text"))
            case "tool_use":
                return self._call_begins(block, begun)
            case "thinking":
                return self._thought_piece(block, tolerant.text(begun, "thinking"), tolerant.text(begun, "signature"))
            case "redacted_thinking":
                thought = thought_of(begun)
                return b"" if thought is None else self._write().thought(thought)
        return b""

    def _on_piece(self, told: Mapping[str, Any]) -> bytes:
        block = self._blocks.get(tolerant.count(told, "index") or 0)
        delta = tolerant.mapping(told, "delta")
        match (block.kind if block is not None else "", tolerant.text(delta, "type")):
            case ("text", "text_delta"):
                return self._text(tolerant.text(delta, "text"))
            case ("tool_use", "input_json_delta") if block is not None:
                return self._input(block, tolerant.text(delta, "partial_json"))
            case ("thinking", "thinking_delta" | "signature_delta") if block is not None:
                return self._thought_piece(block, tolerant.text(delta, "thinking"), tolerant.text(delta, "signature"))
        return b""

    def _on_block_end(self, told: Mapping[str, Any]) -> bytes:
        block = self._blocks.pop(tolerant.count(told, "index") or 0, None)
        if block is None:
            return b""
        if block.kind == "tool_use" and not block.said:
            return self._input(block, block.whole)
        signature = "".join(block.signature)
        if block.kind == "thinking" and signature:
            return self._write().thought(Thought("".join(block.text), signature, origin=ORIGIN))
        return b""

    def _text(self, text: str) -> bytes:
        if self._expected.answer_tool is None:
            return self._write().text(text)
        self._held.append(text)
        return b""

    def _let_go(self) -> bytes:
        held, self._held = "".join(self._held), []
        return self._write().text(held)

    def _call_begins(self, block: _Block, begun: Mapping[str, Any]) -> bytes:
        block.whole = input_of(begun)
        name = tolerant.text(begun, "name")
        if name == self._expected.answer_tool:
            self._held = []  # the answer comes: what was said before it is none
            return b""
        out = self._let_go()
        block.call, begins = self._write().call(id_of(begun, len(self._blocks)), self._expected.meant(name))
        return out + begins

    def _input(self, block: _Block, piece: str) -> bytes:
        block.said = block.said or bool(piece)
        return self._write().text(piece) if block.call < 0 else self._write().arguments(block.call, piece)

    def _thought_piece(self, block: _Block, text: str, signature: str) -> bytes:
        block.size += len(text) + len(signature)
        if block.size > LARGEST:
            return self._garbled("reasoning is larger than any answer.")
        block.text.append(text)
        block.signature.append(signature)
        return self._write().thinking(text)


_HANDLERS: Final = {
    "message_start": AnthropicStream._on_start,
    "content_block_start": AnthropicStream._on_block,
    "content_block_delta": AnthropicStream._on_piece,
    "content_block_stop": AnthropicStream._on_block_end,
    "message_delta": AnthropicStream._on_delta,
    "message_stop": AnthropicStream._on_stop,
    "ping": AnthropicStream._on_ping,
    "error": AnthropicStream._on_error,
}
