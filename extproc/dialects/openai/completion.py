"""Whole chat answers in the OpenAI dialect: from what a pair has read of a provider's, to the bytes for the caller.

Law: what is written here passes OpenAI's own strict types; three things stand beside them, where clients look for them:
`reasoning_content` and `reasoning_details` (to be sent back so that signed reasoning survives a tool loop),
`extra_content` of a tool call (Gemini's thought signature), and `images` of a message, in OpenRouter's form.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from extproc.dialects.openai.chat import Thought
from extproc.dialects.openai.stamp import Stamp
from extproc.money import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
SIGNED: Final = "reasoning.text"
HIDDEN: Final = "reasoning.encrypted"


@dataclass(frozen=True, slots=True)
class MadeCall:
    """One call of a tool. `arguments` is JSON text."""

    id: str
    name: str
    arguments: str
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class MadeChoice:
    text: str | None = None
    finish: FinishReason = "stop"
    calls: tuple[MadeCall, ...] = ()
    thoughts: tuple[Thought, ...] = ()
    logprobs: Mapping[str, Any] | None = None
    refusal: str | None = None
    images: tuple[str, ...] = ()  # data URLs
    audio: Mapping[str, Any] | None = None


def finish_reason(mapped: FinishReason, has_calls: bool) -> FinishReason:
    """Some providers end with «stop» though they call a tool."""
    return "tool_calls" if has_calls and mapped == "stop" else mapped


def completion(stamp: Stamp, choices: Sequence[MadeChoice], usage: Usage | None) -> bytes:
    whole: dict[str, Any] = {
        "id": stamp.id,
        "object": "chat.completion",
        "created": stamp.created,
        "model": stamp.model,
        "choices": [_choice(choice, index) for index, choice in enumerate(choices)],
    }
    if usage is not None:
        whole["usage"] = usage_object(usage)
    return msgspec.json.encode(whole)


def _choice(choice: MadeChoice, index: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.text, "refusal": choice.refusal}
    if choice.calls:
        message["tool_calls"] = [tool_call(call) for call in choice.calls]
    if choice.thoughts:
        shown = "".join(thought.text for thought in choice.thoughts)
        if shown:
            message["reasoning_content"] = shown
        message["reasoning_details"] = [thought_detail(thought, place) for place, thought in enumerate(choice.thoughts)]
    if choice.images:
        message["images"] = [image_object(url, place) for place, url in enumerate(choice.images)]
    if choice.audio is not None:
        message["audio"] = choice.audio
    return {
        "index": index,
        "message": message,
        "logprobs": choice.logprobs,
        "finish_reason": finish_reason(choice.finish, bool(choice.calls)),
    }


def tool_call(call: MadeCall) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
    if call.signature is not None:
        made["extra_content"] = signature_content(call.signature)
    return made


def signature_content(signature: str) -> dict[str, Any]:
    return {"google": {"thought_signature": signature}}


def thought_detail(thought: Thought, place: int) -> dict[str, Any]:
    """The form that OpenRouter made usual."""
    detail: dict[str, Any] = {"type": SIGNED, "text": thought.text}
    if thought.hidden is not None:
        detail = {"type": HIDDEN, "data": thought.hidden}
    if thought.signature is not None:
        detail["signature"] = thought.signature
    if thought.origin is not None:
        detail["format"] = thought.origin
    return {**detail, "index": place}


def image_object(url: str, place: int) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}, "index": place}


def usage_object(usage: Usage) -> dict[str, Any]:
    prompt = {"cached_tokens": usage.cached_input, "audio_tokens": usage.audio_input}
    written = usage.cache_write + usage.cache_write_1h
    if written:
        prompt["cache_write_tokens"] = written
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": usage.audio_output},
    }
