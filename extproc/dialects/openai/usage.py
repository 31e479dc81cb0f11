"""Tokens, as the answers of OpenAI-shaped APIs tell them.

Law: tolerant. What an upstream wrote is never an error of ours: a number that makes no sense counts as not told, and
a text without any count of tokens gives None. Money told by a provider (`cost`) is not believed.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from extproc.money import LARGEST, Usage, tier_of

_INPUT: Final = ("prompt_tokens", "input_tokens")
_OUTPUT: Final = ("completion_tokens", "output_tokens")
_IN: Final = ("prompt_tokens_details", "input_tokens_details")
_OUT: Final = ("completion_tokens_details", "output_tokens_details")

Places = tuple[tuple[str, ...], ...]


def _of(details: tuple[str, ...], *keys: str) -> Places:
    return tuple((detail, *keys) for detail in details)


_CACHED: Final = (*_of(_IN, "cached_tokens"), ("prompt_cache_hit_tokens",))  # the last is DeepSeek's
_WRITTEN: Final = _of(_IN, "cache_write_tokens")
_AUDIO_IN: Final = _of(_IN, "audio_tokens")
_CACHED_AUDIO: Final = _of(_IN, "cached_tokens_details", "audio_tokens")
_IMAGE_IN: Final = _of(_IN, "image_tokens")
_REASONING: Final = _of(_OUT, "reasoning_tokens")
_AUDIO_OUT: Final = _of(_OUT, "audio_tokens")
_IMAGE_OUT: Final = _of(_OUT, "image_tokens")


class _Holder(msgspec.Struct):
    """Where usage stands: at the top; inside `response` (events of /v1/responses); inside `x_groq` (Groq's streams).

    What a token costs may depend on the `service_tier`, which stands beside it."""

    usage: Any = None
    service_tier: Any = None
    response: Any = None
    x_groq: Any = None


_holder = msgspec.json.Decoder(_Holder)


def read_usage(text: str | bytes) -> Usage | None:
    """From the text of a usage object, with or without its `"usage":` before it."""
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if data.lstrip().startswith(b'"usage"'):
        data = data[max(data.find(b"{"), 0) :]
    try:
        return usage_of(msgspec.json.decode(data))
    except (ValueError, RecursionError):
        return None


def find_usage(answer: bytes) -> Usage | None:
    """From a whole answer or one chunk of a stream."""
    if b'"usage"' not in answer:
        return None
    try:
        holder = _holder.decode(answer)
    except (ValueError, RecursionError):
        return None
    for place in (holder.usage, _within(holder.response, "usage"), _within(holder.x_groq, "usage")):
        found = usage_of(place)
        if found is not None:
            tier = tier_of(holder.service_tier or _within(holder.response, "service_tier"))
            return found if tier == "standard" else replace(found, tier=tier)
    return None


def usage_of(told: object) -> Usage | None:
    if not isinstance(told, Mapping):
        return None
    given = [_count(told.get(key)) for key in _INPUT]
    taken = [_count(told.get(key)) for key in _OUTPUT]
    input_tokens = next((count for count in given if count is not None), None)
    output_tokens = next((count for count in taken if count is not None), None)
    if input_tokens is None and output_tokens is None:
        input_tokens = _count(told.get("total_tokens"))  # embeddings of some servers tell only the sum
        if input_tokens is None:
            return None
    whole, made = input_tokens or 0, output_tokens or 0
    cached = min(_first(told, _CACHED), whole)
    audio = min(_first(told, _AUDIO_IN), whole)
    audio_made = min(_first(told, _AUDIO_OUT), made)
    return Usage(
        input=whole,
        output=made,
        cached_input=cached,
        cache_write=min(_first(told, _WRITTEN), whole - cached),
        audio_input=audio,
        cached_audio=min(_first(told, _CACHED_AUDIO), cached, audio),
        image_input=min(_first(told, _IMAGE_IN), whole - audio),
        reasoning=min(_first(told, _REASONING), made),
        audio_output=audio_made,
        image_output=min(_first(told, _IMAGE_OUT), made - audio_made),
        tier=tier_of(told.get("service_tier")),
    )


def _first(told: Mapping[str, Any], places: Places) -> int:
    for place in places:
        value: object = told
        for key in place:
            value = _within(value, key)
        count = _count(value)
        if count is not None:
            return count
    return 0


def _within(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, Mapping) else None


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value < LARGEST and value == int(value) else None
