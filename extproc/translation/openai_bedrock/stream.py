"""ConverseStream's events → chunks of the OpenAI dialect.

Law: any split of the bytes gives the same chunks. `messageStop` says why it ended, `metadata` behind it what it cost;
an end without the first is a failure, one without the second an answer without usage. Padding and events that nobody
knows are passed over. Where a tool's input is the answer, words before it are held until it is known that they are all
there is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from extproc.dialects.aws_event_stream import Decoder, Frame
from extproc.dialects.bedrock import FINISHES, error_in, usage_of
from extproc.dialects.bedrock_families import family_of
from extproc.dialects.invented_ids import invented_id
from extproc.dialects.openai.chunks import ChunkWriter
from extproc.dialects.tolerant import count, decoded, mapping, text
from extproc.dialects.tool_ids import WORD
from extproc.dialects.upstream_error import UpstreamError
from extproc.money import Usage
from extproc.refusal import Reason, Refusal
from extproc.translation.chat_asked import chat_asked, meant_name
from extproc.translation.openai_bedrock.answer import MALFORMED
from extproc.translation.openai_bedrock.thoughts import hidden, signed
from extproc.translation.openai_bedrock.tools import ANSWER_TOOL, offering
from extproc.translation.pair import Call, Destination, stamp_of
from extproc.translation.read_stream import HeldWords

_MOST_THOUGHT: Final = 16 * 1024 * 1024  # letters of one block of reasoning
_FORM_ASKED: Final = b'"json_schema"'


@dataclass(slots=True)
class _Block:
    """A block of content that has begun. `call`: the index of the caller's call; None: it is no call."""

    call: int | None = None
    answers: bool = False  # its input is the answer
    bare: bool = True  # nothing of its input has come
    text: list[str] = field(default_factory=list)
    signature: list[str] = field(default_factory=list)
    size: int = 0


class ConverseStream:
    __slots__ = (
        "_answered",
        "_blocks",
        "_call",
        "_decoder",
        "_family",
        "_held",
        "_holds",
        "_stopped",
        "_writer",
        "failure",
        "usage",
    )

    def __init__(self, call: Call, to: Destination) -> None:
        self.usage: Usage | None = None
        self.failure: Refusal | None = None
        self._call = call
        self._family = family_of(to.model, to.entry)
        self._writer = ChunkWriter(stamp_of(call, to.model), call.usage_asked)
        self._decoder = Decoder()
        self._blocks: dict[int, _Block] = {}
        self._holds = _answers_by_tool(call, to)
        self._held = HeldWords()
        self._answered = False
        self._stopped = False

    def feed(self, data: bytes) -> bytes:
        if self._writer.ended:
            return b""
        out = b"".join(self._of(frame) for frame in self._decoder.feed(data))
        if self._decoder.broken is not None and not self._writer.ended:
            out += self._garbled(f"of the provider's stream {self._decoder.broken}.")
        return out

    def finish(self) -> bytes:
        if self._writer.ended:
            return b""
        if not self._stopped or self._decoder.within_frame:
            return self._garbled("the provider's stream ended in the middle of the answer.")
        return self._writer.end(self.usage)

    def _of(self, frame: Frame) -> bytes:
        if self._writer.ended:
            return b""
        error = error_in(frame)
        if error is not None:
            return self._failed(error)
        on = self._handler(frame.text(":event-type"))
        if on is None:
            return b""
        told = decoded(frame.payload)
        if not isinstance(told, dict):
            return self._garbled("an event of the provider's stream is no JSON object.")
        return on(told)

    def _handler(self, kind: str) -> Callable[[Mapping[str, Any]], bytes] | None:
        match kind:
            case "messageStart":
                return self._on_start
            case "contentBlockStart":
                return self._on_block
            case "contentBlockDelta":
                return self._on_piece
            case "contentBlockStop":
                return self._on_block_end
            case "messageStop":
                return self._on_stop
            case "metadata":
                return self._on_metadata
        return None

    # --- the message -------------------------------------------------------------------------------------------------

    def _on_start(self, _: Mapping[str, Any]) -> bytes:
        return self._writer.begin()

    def _on_stop(self, told: Mapping[str, Any]) -> bytes:
        if self._stopped:
            return b""
        out = b"".join(self._end_block(index) for index in list(self._blocks))
        if self._writer.ended:
            return out
        reason = FINISHES.get(text(told, "stopReason"), "stop")
        if reason is None:
            return out + self._failed(UpstreamError("server_error", MALFORMED))
        self._stopped = True
        if reason == "tool_calls" and not self._writer.has_calls():
            reason = "stop"
        return out + self._let_go() + self._writer.finish(reason)

    def _on_metadata(self, told: Mapping[str, Any]) -> bytes:
        self.usage = usage_of(told) or self.usage
        return self._writer.end(self.usage) if self._stopped else b""

    # --- its blocks --------------------------------------------------------------------------------------------------

    def _on_block(self, told: Mapping[str, Any]) -> bytes:
        use = mapping(told, "start", "toolUse")
        index = count(told, "contentBlockIndex") or 0
        out = self._end_block(index)
        block = self._blocks[index] = _Block()
        if not use:
            return out
        name = text(use, "name")
        if name == ANSWER_TOOL:
            block.answers = not self._answered
            self._answered = True
            self._held.take()  # what was said before it is no part of the form
            return out
        id_ = text(use, "toolUseId") or invented_id(self._call.id, index)
        out += self._let_go()
        block.call, begins = self._writer.call(id_, meant_name(self._call, name, WORD))
        return out + begins

    def _on_piece(self, told: Mapping[str, Any]) -> bytes:
        block = self._blocks.setdefault(count(told, "contentBlockIndex") or 0, _Block())
        delta = mapping(told, "delta")
        out = self._text(text(delta, "text"))
        if "toolUse" in delta:
            out += self._input(block, text(delta, "toolUse", "input"))
        if "reasoningContent" in delta:
            out += self._thought(block, mapping(delta, "reasoningContent"))
        return out

    def _on_block_end(self, told: Mapping[str, Any]) -> bytes:
        return self._end_block(count(told, "contentBlockIndex") or 0)

    def _end_block(self, index: int) -> bytes:
        block = self._blocks.pop(index, None)
        if block is None:
            return b""
        out = b""
        if block.bare and (block.call is not None or block.answers):
            out += self._input(block, "{}")
        if block.signature:  # what is not signed has been shown already
            said, signature = "".join(block.text), "".join(block.signature)
            out += self._writer.thought(signed(said, signature, self._family))
        return out

    def _text(self, piece: str) -> bytes:
        if self._answered:  # the answer has its form already
            return b""
        if not self._holds:
            return self._writer.text(piece)
        return b"" if self._held.keep(piece) else self._garbled("the provider's stream says more than any answer does.")

    def _let_go(self) -> bytes:
        self._holds = False
        return self._writer.text(self._held.take())

    def _input(self, block: _Block, piece: str) -> bytes:
        block.bare = block.bare and not piece.strip()
        if block.answers:
            return self._writer.text(piece)
        return b"" if block.call is None else self._writer.arguments(block.call, piece)

    def _thought(self, block: _Block, told: Mapping[str, Any]) -> bytes:
        said, signature, redacted = text(told, "text"), text(told, "signature"), text(told, "redactedContent")
        block.size += len(said) + len(signature)
        if block.size > _MOST_THOUGHT:
            return self._garbled("the provider's stream holds reasoning beyond all measure.")
        if said:
            block.text.append(said)
        if signature:
            block.signature.append(signature)
        out = self._writer.thinking(said)
        return out + (self._writer.thought(hidden(redacted)) if redacted else b"")

    # --- the end that nobody wants -----------------------------------------------------------------------------------

    def _failed(self, error: UpstreamError) -> bytes:
        """The provider said so."""
        self.failure = Refusal(Reason.UPSTREAM_ERROR, error.shown_message)
        return self._writer.fail(self.failure, error)

    def _garbled(self, what: str) -> bytes:
        self.failure = Refusal(Reason.UPSTREAM_GARBLED, f"The answer cannot be read on: {what}")
        return self._writer.fail(self.failure)


def _answers_by_tool(call: Call, to: Destination) -> bool:
    if call.body is None or _FORM_ASKED not in call.body:
        return False
    chat = chat_asked(call)
    return not isinstance(chat, Refusal) and offering(chat, to).answers_by_tool
