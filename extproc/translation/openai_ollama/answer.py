"""Ollama's answers, whole and as lines, for a caller with the OpenAI dialect.

Law: calls come whole and mostly without ids, which are made of the exchange's id; `stop` with calls means that they are
to be made. Only a line that says `done` ends a stream well; an `error` may stand in any line, and in a whole answer.
"""

from collections.abc import Mapping
from typing import Any, Final

from extproc.dialects import ndjson
from extproc.dialects.invented_ids import invented_id
from extproc.dialects.ollama import FINISHES, ORIGIN, error_of, usage
from extproc.dialects.openai.chat import Thought
from extproc.dialects.openai.completion import FinishReason, MadeCall, MadeChoice, completion
from extproc.dialects.openai.shapes import arguments_text
from extproc.dialects.openai.token_logprobs import token_logprobs
from extproc.dialects.tolerant import decoded, items, mapping, text
from extproc.refusal import Reason, Refusal
from extproc.translation.pair import Answer, Call, Destination, stamp_of
from extproc.translation.read_stream import NAMELESS, ReadStream

_NO_ANSWER: Final = Refusal(Reason.UPSTREAM_GARBLED, "The provider's answer has no message.")


def answer_of(call: Call, to: Destination, answer: Answer) -> Answer | Refusal:
    told = decoded(answer.body)
    if not isinstance(told, dict):
        return Refusal(Reason.UPSTREAM_GARBLED, "The provider's answer is no JSON object.")
    if told.get("error"):
        return Refusal(Reason.UPSTREAM_ERROR, error_of(0, told).shown_message)
    if not isinstance(told.get("message"), dict):
        return _NO_ANSWER
    if told.get("done") is False:
        return Refusal(Reason.UPSTREAM_GARBLED, "The provider's answer ends in the middle.")
    counted, choice = usage(told), _choice(told, call)
    if not all(one.name for one in choice.calls):
        return Refusal(Reason.UPSTREAM_GARBLED, f"The provider's answer cannot be read: {NAMELESS}")
    stamp = stamp_of(call, text(told, "model") or to.model)
    return Answer(answer.status, answer.headers, completion(stamp, [choice], counted), counted)


def _choice(told: Mapping[str, Any], call: Call) -> MadeChoice:
    message = mapping(told, "message")
    thinking = text(message, "thinking")
    calls = tuple(_made(one, call, place) for place, one in enumerate(items(message, "tool_calls")))
    return MadeChoice(
        text=text(message, "content") or (None if calls else ""),
        finish=_finish(told),
        calls=calls,
        thoughts=(Thought(thinking, origin=ORIGIN),) if thinking else (),
        logprobs=token_logprobs(told.get("logprobs")),
    )


def _made(told: object, call: Call, place: int) -> MadeCall:
    function = mapping(told, "function")
    id_ = text(told, "id") or invented_id(call.id, place)
    return MadeCall(id_, text(function, "name"), arguments_text(function.get("arguments")))


def _finish(told: Mapping[str, Any]) -> FinishReason:
    return FINISHES.get(text(told, "done_reason"), "stop")


class OllamaStream(ReadStream):
    __slots__ = ("_begun",)

    def __init__(self, call: Call, to: Destination) -> None:
        super().__init__(call, to, ndjson.Decoder())
        self._begun = 0  # calls

    def _on(self, told: Mapping[str, Any]) -> bytes:
        if told.get("error"):
            return self._failed(error_of(0, told))
        writer = self._write(text(told, "model"))
        message = mapping(told, "message")
        out = writer.begin() + writer.thinking(text(message, "thinking"))
        out += writer.text(text(message, "content"), logprobs=token_logprobs(told.get("logprobs")))
        for one in items(message, "tool_calls"):
            made = _made(one, self._call, self._begun)
            if not made.name:
                return out + self._garbled(NAMELESS)
            self._begun += 1
            out += writer.call(made.id, made.name, made.arguments)[1]
        if told.get("done") is not True:
            return out
        self.usage = usage(told)
        return out + writer.finish(_finish(told)) + writer.end(self.usage)
