"""Mistral's answers, whole and streamed, for a caller with the OpenAI dialect.

Law: they are OpenAI's but for what is made even here: content in pieces (thinking apart from text), calls that come
whole, usage in the chunk of the finish, other finish reasons, and members (`p`) that are nobody's business.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from extproc.dialects.invented_ids import invented_id
from extproc.dialects.mistral import FINISHES, ORIGIN, error_of, is_error, usage
from extproc.dialects.openai.chat import Thought
from extproc.dialects.openai.completion import FinishReason, MadeCall, MadeChoice, completion
from extproc.dialects.openai.shapes import arguments_text
from extproc.dialects.openai.stamp import Stamp
from extproc.dialects.openai.token_logprobs import token_logprobs
from extproc.dialects.tolerant import at, count, decoded, items, mapping, text
from extproc.dialects.tool_ids import MISTRAL_ID, WORD, fitted
from extproc.refusal import Reason, Refusal
from extproc.translation.chat_asked import meant_name
from extproc.translation.pair import Answer, Call, Destination, stamp_of
from extproc.translation.read_stream import NAMELESS, CallPieces, EventFrames, ReadStream

FAILED: Final = "The provider broke off with an error."
_NO_ID: Final = ("", "null")
_MOST_PIECES: Final = 100_000  # of a thought; a longer one is shown and not signed


def answer_of(call: Call, to: Destination, answer: Answer) -> Answer | Refusal:
    told = decoded(answer.body)
    if not isinstance(told, dict):
        return Refusal(Reason.UPSTREAM_GARBLED, "The provider's answer is no JSON object.")
    if is_error(told):
        return Refusal(Reason.UPSTREAM_ERROR, error_of(0, told).shown_message)
    choices = [one for one in items(told, "choices") if isinstance(one, Mapping)]
    if not choices:
        return Refusal(Reason.UPSTREAM_GARBLED, "The provider's answer has no choices.")
    if any(one.get("finish_reason") == "error" for one in choices):
        return Refusal(Reason.UPSTREAM_ERROR, FAILED)
    stamp = stamp_of(call, text(told, "model") or to.model)
    stamp = Stamp(stamp.id, count(told, "created") or stamp.created, stamp.model)
    counted = usage(told.get("usage"))
    made = [_choice(one, call, index) for index, one in enumerate(choices)]
    if any(not one.name for choice in made for one in choice.calls):
        return Refusal(Reason.UPSTREAM_GARBLED, f"The provider's answer cannot be read: {NAMELESS}")
    return Answer(answer.status, answer.headers, completion(stamp, made, counted), counted)


def _choice(told: Mapping[str, Any], call: Call, index: int) -> MadeChoice:
    message = mapping(told, "message")
    pieces = _pieces(message.get("content"))
    said = "".join(piece for piece, thought in pieces if thought is None)
    calls = tuple(
        MadeCall(
            _id(one, call, index, place), _name(one, call), arguments_text(mapping(one, "function").get("arguments"))
        )
        for place, one in enumerate(items(message, "tool_calls"))
    )
    return MadeChoice(
        text=said or (None if calls else ""),
        finish=_finish(told.get("finish_reason"), bool(calls)),
        calls=calls,
        thoughts=tuple(thought for _, thought in pieces if thought is not None and thought.text),
        logprobs=token_logprobs(items(told, "logprobs", "content")),
    )


def _pieces(content: object) -> list[tuple[str, Thought | None]]:
    """Text, or a thought."""
    if isinstance(content, str):
        return [(content, None)]
    found: list[tuple[str, Thought | None]] = []
    for chunk in content if isinstance(content, list) else ():
        if text(chunk, "type") == "thinking":
            thinking = mapping(chunk).get("thinking")
            inside = (
                thinking
                if isinstance(thinking, str)
                else "".join(text(one, "text") for one in items(chunk, "thinking"))
            )
            found.append(("", Thought(inside, text(chunk, "signature") or None, origin=ORIGIN)))
        elif text(chunk, "type") == "text":
            found.append((text(chunk, "text"), None))
    return found


def _finish(told: object, has_calls: bool) -> FinishReason:
    finish = FINISHES.get(told, "stop") if isinstance(told, str) else "stop"
    return "stop" if finish == "tool_calls" and not has_calls else finish


def _id(told: object, call: Call, choice: int, place: int) -> str:
    id_ = text(told, "id")
    return fitted(invented_id(call.id, place, choice), MISTRAL_ID) if id_ in _NO_ID else id_


def _name(told: object, call: Call) -> str:
    return meant_name(call, text(told, "function", "name"), WORD)


class MistralStream(ReadStream):
    __slots__ = ("_calls", "_finished", "_seen", "_thoughts")

    def __init__(self, call: Call, to: Destination) -> None:
        super().__init__(call, to, EventFrames())
        self._seen: set[int] = set()  # choices
        self._finished: set[int] = set()
        self._calls: dict[int, CallPieces] = {}
        self._thoughts: dict[int, list[str]] = {}  # what a signature that is still to come will have signed

    def _on(self, told: Mapping[str, Any]) -> bytes:
        if is_error(told):
            return self._failed(error_of(0, told))
        self._write(text(told, "model"), count(told, "created"))
        self.usage = usage(told.get("usage")) or self.usage
        out = b""
        for place, choice in enumerate(items(told, "choices")):
            index = count(choice, "index")
            out += self._on_choice(mapping(choice), place if index is None else index)
            if self._ended:
                break
        return out

    def _on_choice(self, told: Mapping[str, Any], index: int) -> bytes:
        if index in self._finished:
            return b""
        self._seen.add(index)
        writer = self._write()
        out = self._on_delta(mapping(told, "delta"), index, token_logprobs(items(told, "logprobs", "content")))
        if self._ended:
            return out
        finish = told.get("finish_reason")
        if finish == "error":
            return out + self._failed(FAILED)
        if not isinstance(finish, str) or not finish:
            return out
        self._finished.add(index)
        if index in self._calls:
            out += self._calls[index].close(writer)
        return out + writer.finish(_finish(finish, writer.has_calls(index)), index)

    def _on_delta(self, delta: Mapping[str, Any], index: int, logprobs: Mapping[str, Any] | None) -> bytes:
        writer = self._write()
        out = writer.begin(index)
        for said, thought in _pieces(delta.get("content")) or [("", None)]:
            if thought is None:
                out += writer.text(said, index, logprobs)
                logprobs = None
            else:
                out += self._on_thought(thought, index)
        for one in items(delta, "tool_calls"):
            if not self._ended:
                out += self._on_call(one, index)
        return out

    def _on_thought(self, thought: Thought, index: int) -> bytes:
        pieces = self._thoughts.setdefault(index, [])
        if len(pieces) < _MOST_PIECES:
            pieces.append(thought.text)
        out = self._write().thinking(thought.text, index)
        if thought.signature is None:
            return out
        whole = replace(thought, text="".join(self._thoughts.pop(index)))
        return out + self._write().thought(whole, index)

    def _on_call(self, told: object, index: int) -> bytes:
        writer = self._write()
        calls = self._calls.setdefault(index, CallPieces(index))
        arguments = at(told, "function", "arguments")
        piece = arguments if isinstance(arguments, str) else arguments_text(arguments)
        if calls.begun and text(told, "id") in _NO_ID and not text(told, "function", "name"):
            return calls.piece(writer, piece)
        name = _name(told, self._call)
        if not name:
            return self._garbled(NAMELESS)
        return calls.begin(writer, _id(told, self._call, index, calls.begun), name, piece)

    def _on_end(self) -> bytes:
        """Good where every choice that began has its reason."""
        if not self._seen or self._seen != self._finished:
            return super()._on_end()
        return self._write().end(self.usage)
