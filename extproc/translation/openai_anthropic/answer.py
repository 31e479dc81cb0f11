"""A whole message of Anthropic's as a choice in the OpenAI dialect.

Law: blocks that no caller of ours asked for (tools that run at the provider, citations, kinds of tomorrow) are left
out. The call of the tool whose input is the answer is the content, and no call.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from extproc.dialects import tolerant
from extproc.dialects.anthropic import NAME, ORIGIN, finish_of
from extproc.dialects.openai.chat import Thought
from extproc.dialects.openai.completion import MadeCall, MadeChoice
from extproc.refusal import Refusal
from extproc.translation.chat_asked import chat_asked, meant_name
from extproc.translation.openai_anthropic.tools import answer_tool_of
from extproc.translation.pair import Call, Destination


@dataclass(frozen=True, slots=True)
class Expected:
    """What of the request an answer must be read with."""

    call: Call
    answer_tool: str | None = None

    def meant(self, told: str) -> str:
        return meant_name(self.call, told, NAME)


def expected_by(call: Call, to: Destination) -> Expected:
    if to.traits.native_json_schema or b'"response_format"' not in (call.body or b""):
        return Expected(call)  # without reading it again
    chat = chat_asked(call)
    return Expected(call, None if isinstance(chat, Refusal) else answer_tool_of(chat, to.traits))


def choice_of(message: Mapping[str, Any], expected: Expected) -> MadeChoice:
    blocks = [block for block in tolerant.items(message, "content") if isinstance(block, Mapping)]
    uses = [block for block in blocks if block.get("type") == "tool_use"]
    answers = [use for use in uses if use.get("name") == expected.answer_tool]
    calls = tuple(_call(use, place, expected) for place, use in enumerate(uses) if use not in answers)
    text = "".join(tolerant.text(block, "text") for block in blocks if block.get("type") == "text")
    if answers:
        text = input_of(answers[0])
    return MadeChoice(
        text=text if text or not calls else None,
        finish=finish_of(message.get("stop_reason"), bool(calls)),
        calls=calls,
        thoughts=tuple(thought for block in blocks if (thought := thought_of(block)) is not None),
        refusal=refusal_of(message),
    )


def refusal_of(holder: Mapping[str, Any]) -> str | None:
    """Why it refused, if it says so: of a message, or of what the end of a stream tells."""
    if holder.get("stop_reason") != "refusal":
        return None
    return tolerant.text(holder, "stop_details", "explanation") or None


def thought_of(block: Mapping[str, Any]) -> Thought | None:
    if block.get("type") == "redacted_thinking":
        hidden = tolerant.text(block, "data")
        return Thought(hidden=hidden, origin=ORIGIN) if hidden else None
    if block.get("type") != "thinking":
        return None
    text, signature = tolerant.text(block, "thinking"), tolerant.text(block, "signature") or None
    return Thought(text, signature, origin=ORIGIN) if text or signature else None


def _call(use: Mapping[str, Any], place: int, expected: Expected) -> MadeCall:
    return MadeCall(id_of(use, place), expected.meant(tolerant.text(use, "name")), input_of(use))


def id_of(use: Mapping[str, Any], place: int) -> str:
    return tolerant.text(use, "id") or f"toolu_{place}"


def input_of(use: Mapping[str, Any]) -> str:
    try:
        return msgspec.json.encode(tolerant.mapping(use, "input")).decode()
    except (ValueError, TypeError, OverflowError, RecursionError):
        return "{}"
