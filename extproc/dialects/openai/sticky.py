"""What ties OpenAI's requests together: the conversation, who is behind the caller, and how the prompt begins.

Law: of all of these only digests leave this file, so nothing of a prompt or a person can reach a log. Work is bounded:
of each part of a prompt only the beginning is looked at. What has a shape that nobody knows ties nothing together and
is no error: it is the provider's business.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from extproc.dialects.digests import digest, digest_of_name

_HEAD: Final = 4096  # bytes of each part of a prompt
_MOST_TURNS: Final = 8  # before the first of the user
_LARGEST: Final = 4 * 1024 * 1024  # bytes of messages that are gone through for the first of the user
_PROMPTS: Final = ("messages", "input", "prompt")  # the first that is there counts
_AROUND: Final = ("tools", "functions", "instructions")
_PROMPTED: Final = frozenset({"chat", "prompt", "completions", "responses"})


class _Turn(msgspec.Struct):
    role: Any = None


def session(given: Mapping[str, msgspec.Raw]) -> str | None:
    return digest_of_name(_first_text(given, ("prompt_cache_key",)))


def user(given: Mapping[str, msgspec.Raw]) -> str | None:
    return digest_of_name(_first_text(given, ("safety_identifier", "user")))


def prefix(endpoint: str, given: Mapping[str, msgspec.Raw]) -> str | None:
    """Of the tools and all turns up to the first of the user.

    So all requests of one conversation share it, and two conversations do only if they ask the same at first: those
    with one system prompt spread, and still warm one cache each.
    """
    name = next((name for name in _PROMPTS if name in given), None)
    if endpoint not in _PROMPTED or name is None:
        return None
    around = [_head(given[other]) for other in _AROUND if other in given]
    return digest(b"\x00".join([*around, *_beginning(given[name])]))


def _beginning(prompt: msgspec.Raw) -> list[bytes]:
    view = memoryview(prompt)
    if bytes(view[:1]) != b"[" or len(view) > _LARGEST:
        return [_head(prompt)]
    try:
        turns: list[msgspec.Raw] = msgspec.json.decode(prompt, type=list[msgspec.Raw])
    except (ValueError, RecursionError):
        return [_head(prompt)]
    heads: list[bytes] = []
    for turn in turns[:_MOST_TURNS]:
        heads.append(_head(turn))
        if _role(turn) == "user":
            break
    return heads


def _role(turn: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(turn, type=_Turn).role
    except (ValueError, RecursionError):
        return None


def _head(raw: msgspec.Raw) -> bytes:
    return bytes(memoryview(raw)[:_HEAD])


def _first_text(given: Mapping[str, msgspec.Raw], names: tuple[str, ...]) -> str | None:
    """Numbers are names too: many systems count their users."""
    for name in names:
        if name in given:
            try:
                value = msgspec.json.decode(given[name], type=str | int | None)
            except (ValueError, RecursionError):
                continue
            if value not in (None, ""):
                return str(value)
    return None
