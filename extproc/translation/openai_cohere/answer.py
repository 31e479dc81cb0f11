"""Cohere's answers, whole and streamed, for a caller with the OpenAI dialect.

Law: the plan that comes before calls of tools is content: it is said to the user, as other models say «let me look»,
and every client sends content back, so that it is a plan again in the next request. Thinking is reasoning. Citations
have sources without addresses, for which the dialect has no form: they are left out.
"""

from collections.abc import Mapping
from typing import Any, Final

from extproc.dialects.cohere import FAILURES, FINISHES, ORIGIN, usage
from extproc.dialects.invented_ids import invented_id
from extproc.dialects.openai.chat import Thought
from extproc.dialects.openai.completion import FinishReason, MadeCall, MadeChoice, completion
from extproc.dialects.openai.shapes import arguments_text
from extproc.dialects.openai.token_logprobs import logprobs_of, token
from extproc.dialects.tolerant import at, decoded, items, mapping, number, text
from extproc.dialects.upstream_error import LONGEST_MESSAGE
from extproc.refusal import Reason, Refusal
from extproc.translation.pair import Answer, Call, Destination, stamp_of
from extproc.translation.read_stream import NAMELESS, CallPieces, EventFrames, ReadStream

FAILED: Final = "The provider broke off with an error."
TIMED_OUT: Final = "The provider took too long for the answer and broke off."


def answer_of(call: Call, to: Destination, answer: Answer) -> Answer | Refusal:
    told = decoded(answer.body)
    if not isinstance(told, dict):
        return Refusal(Reason.UPSTREAM_GARBLED, "The provider's answer is no JSON object.")
    if isinstance(told.get("message"), str):  # the form of its errors
        return Refusal(Reason.UPSTREAM_ERROR, told["message"][:LONGEST_MESSAGE] or FAILED)
    if not isinstance(told.get("message"), dict):
        return Refusal(Reason.UPSTREAM_GARBLED, "The provider's answer has no message.")
    if text(told, "finish_reason") in FAILURES:
        return Refusal(Reason.UPSTREAM_ERROR, _why(told))
    counted = usage(told.get("usage"))
    choice = _choice(told, call)
    if not all(one.name for one in choice.calls):
        return Refusal(Reason.UPSTREAM_GARBLED, f"The provider's answer cannot be read: {NAMELESS}")
    return Answer(answer.status, answer.headers, completion(stamp_of(call, to.model), [choice], counted), counted)


def _choice(told: Mapping[str, Any], call: Call) -> MadeChoice:
    message = mapping(told, "message")
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else items(message, "content")
    said = text(message, "tool_plan") + "".join(text(one, "text") for one in blocks if text(one, "type") == "text")
    thoughts = tuple(
        Thought(thinking, origin=ORIGIN)
        for one in blocks
        if text(one, "type") == "thinking" and (thinking := text(one, "thinking"))
    )
    calls = tuple(
        MadeCall(
            text(one, "id") or invented_id(call.id, place),
            text(one, "function", "name"),
            arguments_text(at(one, "function", "arguments")),
        )
        for place, one in enumerate(items(message, "tool_calls"))
    )
    return MadeChoice(
        text=said or (None if calls else ""),
        finish=_finish(told.get("finish_reason"), bool(calls)),
        calls=calls,
        thoughts=thoughts,
        logprobs=logprobs_of([one for piece in items(told, "logprobs") for one in _tokens(piece)]),
    )


def _finish(told: object, has_calls: bool) -> FinishReason:
    finish = FINISHES.get(told, "stop") if isinstance(told, str) else "stop"
    return "stop" if finish == "tool_calls" and not has_calls else finish


def _tokens(piece: object) -> list[dict[str, Any]]:
    """One piece of text, and the log probabilities of the tokens in it: those of the piece are their sum."""
    numbers = [one for each in items(piece, "logprobs") if (one := number(each)) is not None]
    return [{**token(text(piece, "text"), sum(numbers)), "top_logprobs": []}] if numbers else []


def _one(calls: object) -> Mapping[str, Any]:
    """An object in streams, whatever its name says; who writes a list means its first."""
    return mapping(calls[0] if isinstance(calls, list) and calls else calls)


def _why(told: object) -> str:
    said = text(told, "error") or (TIMED_OUT if text(told, "finish_reason") == "TIMEOUT" else FAILED)
    return said[:LONGEST_MESSAGE]


class CohereStream(ReadStream):
    __slots__ = ("_calls",)

    def __init__(self, call: Call, to: Destination) -> None:
        super().__init__(call, to, EventFrames())
        self._calls = CallPieces()

    def _on(self, told: Mapping[str, Any]) -> bytes:
        message = mapping(told, "delta", "message")
        match told.get("type"):
            case "message-start":
                return self._write().begin()
            case "tool-plan-delta":
                return self._write().text(text(message, "tool_plan"))
            case "content-start" | "content-delta":
                return self._on_content(mapping(message, "content"), told.get("logprobs"))
            case "tool-call-start":
                return self._on_call(_one(message.get("tool_calls")))
            case "tool-call-delta":
                return self._on_arguments(text(message, "tool_calls", "function", "arguments"))
            case "tool-call-end":
                return self._calls.close(self._write())
            case "message-end":
                return self._on_message_end(mapping(told, "delta"))
            case None if isinstance(told.get("message"), str):
                return self._failed(told["message"][:LONGEST_MESSAGE] or FAILED)
            case _:
                return b""

    def _on_content(self, content: Mapping[str, Any], logprobs: object) -> bytes:
        thinking = self._write().thinking(text(content, "thinking"))
        return thinking + self._write().text(text(content, "text"), logprobs=logprobs_of(_tokens(logprobs)))

    def _on_call(self, told: Mapping[str, Any]) -> bytes:
        id_ = text(told, "id") or invented_id(self._call.id, self._calls.begun)
        name = text(told, "function", "name")
        if not name:
            return self._garbled(NAMELESS)
        return self._calls.begin(self._write(), id_, name, text(told, "function", "arguments"))

    def _on_arguments(self, piece: str) -> bytes:
        return self._calls.piece(self._write(), piece) if self._calls.begun else b""

    def _on_message_end(self, delta: Mapping[str, Any]) -> bytes:
        writer = self._write()
        self.usage = usage(delta.get("usage"))
        finish = delta.get("finish_reason")
        if text(delta, "finish_reason") in FAILURES or text(delta, "error"):
            return self._failed(_why(delta))
        closed = self._calls.close(writer)
        return closed + writer.finish(_finish(finish, writer.has_calls())) + writer.end(self.usage)
