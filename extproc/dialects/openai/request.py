"""A request's body in the OpenAI dialect, read once and only where something is decided by it.

Law: one pass of the parser over the body, and one over the prompt to count its tokens; nothing of it is kept. A field
that decides something and has the wrong kind is an error that names the field; all other fields are the provider's
business.
Of several members with one key the last counts.
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from extproc import names
from extproc.dialects.digests import digest_of_name
from extproc.dialects.json_edit import members
from extproc.dialects.openai import sticky
from extproc.dialects.openai.features import asked_for, contents_in
from extproc.dialects.openai.prompt import prompt_tokens

_STRATEGY_FIELDS: Final = ("routing_strategy", "routing_preference")  # the first that is there counts
_NO_LABELS: Final = frozenset({"provider", "fallback_enabled", "requirements", "session_id", *_STRATEGY_FIELDS})
_CHATS: Final = frozenset({"chat", "prompt"})
_CAPS: Final = ("max_completion_tokens", "max_output_tokens", "max_tokens")  # the first that is there counts
_MEDIA_HOLDERS: Final = ("messages", "input")
_NOTHING: Final = frozenset({b"null", b"[]", b"{}", b'""'})

# A quote inside a JSON string has a backslash before it, so these can only match where a part really begins.
_MEDIA = re.compile(rb'"type"\s*:\s*"(image_url|input_image|input_audio|file|input_file)"')
_NEED_OF_MEDIA: Final = {
    b"image_url": "vision",
    b"input_image": "vision",
    b"input_audio": "audio",
    b"file": "files",
    b"input_file": "files",
}
_MOST_PARTS: Final = 1000  # beyond it nobody counts any more: time stays bounded


Requirement = float | bool | tuple[str, ...]


class WrongField(ValueError):
    """A field that decides something holds what it cannot hold."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"`{name}` must be {expected}")
        self.field = name


@dataclass(frozen=True, slots=True)
class RequestBody:
    model: str | None = None
    model_once: bool = True  # False: several members are called `model`, and a provider may read another than we
    stream: bool = False
    usage_asked: bool = False
    max_output_tokens: int | None = None
    n: int = 1
    needs: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()  # of a chat: see features.asked_for
    input_tokens: int = 0
    own_fields: tuple[str, ...] = ()
    provider: str | None = None
    strategy: str | None = None
    fallback_enabled: bool = False
    requirements: Mapping[str, Requirement] = field(default_factory=dict)
    session: str | None = None  # digests: see sticky
    user: str | None = None
    prefix: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)  # as written; who shows them cuts and cleans them


def read_request(endpoint: str, body: bytes, counted_as: str | None = None) -> RequestBody:
    """`counted_as`: the model that is asked for where it is not the body's. Raises NotAnObject and WrongField."""
    found = members(body)
    given = {member.key: member.raw for member in found}
    own = _own_fields(given)
    model = _text(given, "model")
    media = _media(given)
    return RequestBody(
        model=model,
        model_once=sum(member.key == "model" for member in found) < 2,
        stream=_flag(given, "stream"),
        usage_asked=_usage_asked(given),
        max_output_tokens=_cap(given),
        n=_count(given, "n") or 1,
        needs=_needs(endpoint, given, media),
        features=asked_for(given) | contents_in(given.get("messages"), media) if endpoint in _CHATS else frozenset(),
        input_tokens=prompt_tokens(endpoint, given, counted_as or model),
        own_fields=own,
        provider=_text(given, "provider") if "provider" in own else None,
        strategy=next((text for name in _STRATEGY_FIELDS if (text := _text(given, name))), None),
        fallback_enabled=_flag(given, "fallback_enabled"),
        requirements=_requirements(given),
        session=digest_of_name(_label(given, "session_id")) or sticky.session(given),
        user=digest_of_name(_label(given, "user_id")) or sticky.user(given),
        prefix=sticky.prefix(endpoint, given),
        labels={name: text for name in own if name not in _NO_LABELS and (text := _label(given, name)) is not None},
    )


def _own_fields(given: Mapping[str, msgspec.Raw]) -> tuple[str, ...]:
    def ours(name: str) -> bool:
        return name not in names.OURS_ONLY_AS_STRING or bytes(memoryview(given[name])[:1]) == b'"'

    return tuple(name for name in names.OWN_FIELDS if name in given and ours(name))


def _needs(endpoint: str, given: Mapping[str, msgspec.Raw], media: list[bytes]) -> frozenset[str]:
    needs = {_NEED_OF_MEDIA[part] for part in media}
    if any(name in given and _small(given[name]) not in _NOTHING for name in ("tools", "functions")):
        needs.add("tools")
    if endpoint in _CHATS and "audio" in (_decoded(given, "modalities", list[str] | None, "a list of strings") or ()):
        needs.add("audio")
    kind = _answer_format(endpoint, given)
    if kind in ("json_schema", "json_object"):
        needs.add(kind)
    return frozenset(needs)


class _Format(msgspec.Struct):
    type: str | None = None


class _Text(msgspec.Struct):
    format: _Format | None = None


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


def _answer_format(endpoint: str, given: Mapping[str, msgspec.Raw]) -> str | None:
    if endpoint in ("chat", "prompt", "completions"):
        wanted = _decoded(given, "response_format", _Format | None, "an object with a `type`")
        return wanted.type if wanted is not None else None
    if endpoint == "responses":
        text = _decoded(given, "text", _Text | None, "an object with a `format`")
        return text.format.type if text is not None and text.format is not None else None
    return None  # elsewhere `response_format` is a word of its own: b64_json, mp3


def _usage_asked(given: Mapping[str, msgspec.Raw]) -> bool:
    options = _decoded(given, "stream_options", _StreamOptions | None, "an object; its `include_usage` true or false")
    return options is not None and options.include_usage is True


def _cap(given: Mapping[str, msgspec.Raw]) -> int | None:
    caps = [_count(given, name) for name in _CAPS]
    return next((cap for cap in caps if cap is not None), None)


def _requirements(given: Mapping[str, msgspec.Raw]) -> dict[str, Requirement]:
    kind = dict[str, bool | float | tuple[str, ...] | None] | None
    wanted = _decoded(given, "requirements", kind, "an object of numbers, true or false, and lists of strings") or {}
    return {name: value for name, value in wanted.items() if value is not None}


def _media(given: Mapping[str, msgspec.Raw]) -> list[bytes]:
    found = itertools.chain.from_iterable(
        _MEDIA.finditer(memoryview(given[name])) for name in _MEDIA_HOLDERS if name in given
    )
    return [match[1] for match in itertools.islice(found, _MOST_PARTS)]


def _text(given: Mapping[str, msgspec.Raw], name: str) -> str | None:
    text: str | None = _decoded(given, name, str | None, "a string")
    return text or None


def _flag(given: Mapping[str, msgspec.Raw], name: str) -> bool:
    return _decoded(given, name, bool | None, "true or false") is True


def _count(given: Mapping[str, msgspec.Raw], name: str) -> int | None:
    """None too for zero and less: some servers write «no cap» so."""
    count: int | None = _decoded(given, name, int | None, "a whole number")
    return count if count is not None and count > 0 else None


def _label(given: Mapping[str, msgspec.Raw], name: str) -> str | None:
    kind = str | int | float | bool | None
    value = _decoded(given, name, kind, "a string, a number, true or false")
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None or value == "" else str(value)


def _small(raw: msgspec.Raw) -> bytes:
    """The value's text without spaces where it is short enough to mean nothing, else its beginning."""
    return b"".join(bytes(memoryview(raw)[:64]).split())


def _decoded(given: Mapping[str, msgspec.Raw], name: str, kind: Any, expected: str) -> Any:
    if name not in given:
        return None
    try:
        return msgspec.json.decode(given[name], type=kind)
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
        raise WrongField(name, expected) from None
