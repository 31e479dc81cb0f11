"""What a caller may say beside a usual chat, and Gemini understands: Google's own words, modalities, a voice.

Law: only what is named here passes, and only in the form that Google knows; what is said beside it is a loss by its
name. The spelling is that of Google's own gateway of the OpenAI dialect, inside `extra_body.google` or beside the rest.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from extproc.dialects.gemini import EXTRAS
from extproc.dialects.openai.chat import Chat
from extproc.dialects.openai.parts import Wrong
from extproc.translation.chat_asked import passed_on
from extproc.translation.pair import Call

_NAME: Final = re.compile(r"[A-Z][A-Z_]{0,63}")
_MOST_SETTINGS: Final = 32
_OF_GOOGLE: Final = ("cached_content", "safety_settings", "thinking_config")
_MODALITIES: Final = ("text", "audio", "image")


@dataclass(slots=True)
class Extras:
    cached_content: str | None = None
    safety_settings: list[dict[str, str]] = field(default_factory=list)
    thinking: dict[str, Any] = field(default_factory=dict)  # `thinkingConfig`, as Google spells it
    modalities: tuple[str, ...] = ()
    voice: str | None = None
    audio_format: str | None = None
    service_tier: str | None = None
    lost: set[str] = field(default_factory=set)


def extras_of(call: Call, chat: Chat) -> Extras:
    """Raises Wrong."""
    given = passed_on(call, chat.asked, {*EXTRAS, "modalities", "audio", "service_tier"})
    found = Extras()
    _take_google(given, "", found)
    body = _mapping(given, "extra_body", "extra_body")
    found.lost |= {f"extra_body.{key}" for key in body if key != "google" and _is_short(key)}
    google = _mapping(body, "google", "extra_body.google")
    found.lost |= {f"extra_body.google.{key}" for key in google if key not in _OF_GOOGLE and _is_short(key)}
    _take_google(google, "extra_body.google.", found)
    _take_sound(given, found)
    tier = given.get("service_tier")
    found.service_tier = tier if isinstance(tier, str) else None
    return found


def _take_google(given: Mapping[str, Any], before: str, found: Extras) -> None:
    cached = given.get("cached_content")
    if cached is not None:
        if not isinstance(cached, str) or not cached:
            raise Wrong(f"{before}cached_content", "the name of a cached content")
        found.cached_content = cached
    settings = given.get("safety_settings")
    if settings is not None:
        found.safety_settings = _settings(settings, f"{before}safety_settings")
    if before:
        found.thinking = _thinking(_mapping(given, "thinking_config", f"{before}thinking_config"), before, found)


def _settings(written: Any, place: str) -> list[dict[str, str]]:
    if not isinstance(written, list) or len(written) > _MOST_SETTINGS:
        raise Wrong(place, f"a list of at most {_MOST_SETTINGS} settings")
    for index, one in enumerate(written):
        known = isinstance(one, dict) and {"category", "threshold"} <= one.keys() <= {"category", "threshold", "method"}
        if not known or not all(isinstance(value, str) and _NAME.fullmatch(value) for value in one.values()):
            raise Wrong(f"{place}[{index}]", "an object of a `category` and a `threshold`, by their names")
    return written


def _thinking(written: Mapping[str, Any], before: str, found: Extras) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in written.items():
        if key == "thinking_budget" and isinstance(value, int) and not isinstance(value, bool):
            made["thinkingBudget"] = value
        elif key == "thinking_level" and isinstance(value, str) and _NAME.fullmatch(value.upper()):
            made["thinkingLevel"] = value.upper()
        elif key == "include_thoughts" and isinstance(value, bool):
            made["includeThoughts"] = value
        elif _is_short(key):
            found.lost.add(f"{before}thinking_config.{key}")
    return made


def _take_sound(given: Mapping[str, Any], found: Extras) -> None:
    modalities = given.get("modalities") or []
    if not isinstance(modalities, list) or not all(one in _MODALITIES for one in modalities):
        raise Wrong("modalities", f"a list of {', '.join(_MODALITIES)}")
    found.modalities = tuple(dict.fromkeys(modalities))
    audio = _mapping(given, "audio", "audio")
    voice, form = audio.get("voice"), audio.get("format")
    found.voice = voice if isinstance(voice, str) else None
    found.audio_format = form if isinstance(form, str) else None


def _mapping(holder: Mapping[str, Any], key: str, place: str) -> Mapping[str, Any]:
    value = holder.get(key)
    if value is not None and not isinstance(value, dict):
        raise Wrong(place, "an object")
    return value or {}


def _is_short(key: str) -> bool:
    return len(key) <= 64 and key.isprintable()
