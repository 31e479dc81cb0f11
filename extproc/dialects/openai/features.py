"""What a chat request asks for, by name: what some target may be unable to express.

Law: a member counts as asked for when it says something: null, false, an empty list and n: 1 say nothing. What every
API can say (messages, model, stream) and what is the gateway's own is no feature. Contents count by their kind. The
same set comes from the cheap reading at the router and from the whole reading at an attempt.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from extproc import names

STRUCTURE: Final = frozenset(
    {"model", "messages", "prompt", "stream", "stream_options", "function_call", *names.OWN_FIELDS}
)
OPENROUTERS_PROVIDER: Final = "provider"  # an object: which hosts OpenRouter may use
IMAGE_LINK: Final = "messages.image_url"
IMAGE: Final = "messages.image"
AUDIO: Final = "messages.input_audio"
FILE: Final = "messages.file"
CONTENTS: Final = frozenset({IMAGE_LINK, IMAGE, AUDIO, FILE})
MOST: Final = 64
_LONGEST: Final = 64
_SAYS_NOTHING: Final = frozenset({b"null", b"[]", b"{}", b'""'})
_DEFAULTS: Final[Mapping[str, frozenset[bytes]]] = {
    "n": frozenset({b"1", b"0"}),
    "parallel_tool_calls": frozenset({b"true"}),
    "tool_choice": frozenset({b'"auto"', b'"none"'}),  # who cannot say «none» leaves the tools out
    "reasoning_effort": frozenset({b'"none"'}),  # most need not be told; whoever must names it where it cannot be
    "store": frozenset({b"true"}),
    "service_tier": frozenset({b'"auto"', b'"default"'}),
    "modalities": frozenset({b'["text"]'}),
    "response_format": frozenset({b'{"type":"text"}'}),
    "frequency_penalty": frozenset({b"0", b"0.0"}),
    "presence_penalty": frozenset({b"0", b"0.0"}),
    "top_logprobs": frozenset({b"0"}),
    "temperature": frozenset({b"1", b"1.0"}),
    "top_p": frozenset({b"1", b"1.0"}),
}
OLD_CAP: Final = "max_tokens"  # counts beside the name of today: newer models refuse the old one
CAP: Final = "max_completion_tokens"
_SAME: Final[Mapping[str, str]] = {
    "functions": "tools",
    "reasoning": "reasoning_effort",
    "thinking": "reasoning_effort",
}
_LINK = re.compile(rb'"(?:image_url|input_image)"\s*:\s*(?:\{[^{}]{0,200}?"url"\s*:\s*)?"https?:')
_DATA = re.compile(rb'"(?:image_url|input_image)"\s*:\s*(?:\{[^{}]{0,200}?"url"\s*:\s*)?"data:')


def asked_for(given: Mapping[str, msgspec.Raw]) -> frozenset[str]:
    """The members that say something, under one name each."""
    found: set[str] = set()
    for key, raw in given.items():
        if key in STRUCTURE and not (key == OPENROUTERS_PROVIDER and bytes(memoryview(raw)[:1]) == b"{"):
            continue
        if len(found) < MOST and _says_something(key, raw):
            found.add(_SAME.get(key, key) if len(key) <= _LONGEST and key.isprintable() else "…")
            if key == OLD_CAP:
                found.add(CAP)
    return frozenset(found)


def contents_in(messages: msgspec.Raw | None, media: Iterable[bytes]) -> frozenset[str]:
    """The kinds of content beside text; `media` are the types of parts that were seen."""
    kinds = set(media)
    found: set[str] = set()
    if b"image_url" in kinds and messages is not None:
        view = memoryview(messages)
        if _LINK.search(view):
            found.add(IMAGE_LINK)
        if _DATA.search(view) or IMAGE_LINK not in found:
            found.add(IMAGE)
    if b"input_audio" in kinds:
        found.add(AUDIO)
    if b"file" in kinds:
        found.add(FILE)
    return frozenset(found)


def _says_something(key: str, raw: msgspec.Raw) -> bool:
    view = memoryview(raw)
    if len(view) > 64:
        return True
    small = b"".join(bytes(view).split())
    if small == b"false":
        return key == "parallel_tool_calls"  # the only one that is true where nothing is said
    return small not in _SAYS_NOTHING and small not in _DEFAULTS.get(key, ())
