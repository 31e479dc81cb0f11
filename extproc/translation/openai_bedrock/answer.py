"""Converse's whole answer → a chat completion of the OpenAI dialect.

Law: any bytes give an answer or a refusal. Citations are told as the text that they stand under; the tool that holds
the answer in its form is content. Kinds of blocks that nobody knows are passed over.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from extproc.dialects.bedrock import FINISHES, usage_of
from extproc.dialects.bedrock_families import Family, family_of
from extproc.dialects.invented_ids import invented_id
from extproc.dialects.openai.completion import FinishReason, MadeCall, MadeChoice, completion
from extproc.dialects.openai.shapes import arguments_text
from extproc.dialects.tolerant import decoded, items, mapping, text
from extproc.dialects.tool_ids import WORD
from extproc.dialects.upstream_error import LONGEST_MESSAGE
from extproc.refusal import Reason, Refusal
from extproc.translation.chat_asked import meant_name
from extproc.translation.openai_bedrock.thoughts import read
from extproc.translation.openai_bedrock.tools import ANSWER_TOOL
from extproc.translation.pair import Answer, Call, Destination, stamp_of

MALFORMED: Final = "The model's output was malformed, so that Bedrock gave none of it."


def answer_of(call: Call, to: Destination, answer: Answer) -> Answer | Refusal:
    told = decoded(answer.body)
    if not isinstance(told, dict):
        return Refusal(Reason.UPSTREAM_GARBLED, "The provider's answer is no JSON object.")
    message = mapping(told, "output", "message")
    if not message:
        said = text(told, "message") or text(told, "Message")
        if said:
            return Refusal(Reason.UPSTREAM_ERROR, said[:LONGEST_MESSAGE])
        return Refusal(Reason.UPSTREAM_GARBLED, "The provider's answer has no message.")
    reason = text(told, "stopReason")
    finish = FINISHES.get(reason, "stop")
    if finish is None:
        return Refusal(Reason.UPSTREAM_ERROR, MALFORMED)
    usage = usage_of(told)
    choice = _choice(call, family_of(to.model, to.entry), items(message, "content"), finish)
    return Answer(answer.status, answer.headers, completion(stamp_of(call, to.model), [choice], usage), usage)


def _choice(call: Call, family: Family, blocks: list[Any], finish: FinishReason) -> MadeChoice:
    uses = [block["toolUse"] for block in blocks if mapping(block, "toolUse")]
    calls = tuple(_call(call, use, place) for place, use in enumerate(uses) if text(use, "name") != ANSWER_TOOL)
    thoughts = (read(mapping(block, "reasoningContent"), family) for block in blocks if isinstance(block, Mapping))
    said = "".join(piece for block in blocks for piece in _texts(block))
    answers = [arguments_text(use.get("input")) for use in uses if text(use, "name") == ANSWER_TOOL]
    if answers:  # what was said beside it is no part of the form
        said = answers[0]
    return MadeChoice(
        text=said or (None if calls else ""),
        finish="stop" if finish == "tool_calls" and not calls else finish,
        calls=calls,
        thoughts=tuple(thought for thought in thoughts if thought is not None),
    )


def _texts(block: object) -> Iterator[str]:
    yield text(block, "text")
    for cited in items(block, "citationsContent", "content"):
        yield text(cited, "text")


def _call(call: Call, use: Mapping[str, Any], place: int) -> MadeCall:
    id_ = text(use, "toolUseId") or invented_id(call.id, place)
    return MadeCall(id_, meant_name(call, text(use, "name"), WORD), arguments_text(use.get("input")))
