"""Where two readings of one answer differ, in words that name the field.

Law: the vendor's reading is right, except where the gateway promises another status: a provider's own refusal of our
key is no fault of the caller.
"""

from collections.abc import Iterator
from typing import Any

from tests.replay.recordings import Fitting, Recording

# Where a provider's status says less than its words: its own key, and a model that it does not know.
BY_WORDS = {b"API_KEY_INVALID": 401, b"model identifier is invalid": 404}
PROMISED = {401: {502}, 403: {502}, 498: {502}, 529: {503}, 424: {424, 502}, 408: {408, 504}}


def path_difference(fitting: Fitting, asked: str | None) -> Iterator[str]:
    """The gateway asks the very endpoint that was recorded."""
    if asked is None:
        yield "the upstream was not asked"
        return
    recorded, sent = (
        path.partition("?")[0].rpartition("/")[2].rpartition(":")[2] for path in (fitting.recording.path, asked)
    )
    if recorded != sent:
        yield f"asked {asked}, recorded {fitting.recording.path}"


def meant_status(recording: Recording) -> int:
    return next((status for words, status in BY_WORDS.items() if words in recording.body), recording.status)


def differences(native: dict[str, Any], seen: dict[str, Any]) -> Iterator[str]:
    if "unreadable" in seen:
        yield f"OpenAI's SDK cannot read it: {seen['unreadable']}"
    elif "status" in native:
        promised = PROMISED.get(native["status"], {native["status"]})
        if seen.get("status") not in promised:
            yield f"status {native['status']}: expected one of {sorted(promised)}, seen {_short(seen)}"
    elif "broken" in native or native.get("finish") == "error":
        if "broken" not in seen and seen.get("status", 200) < 500:
            yield f"an error of the provider ({native.get('broken')}) is seen as {_short(seen)}"
    elif "text" not in native:
        yield from _first_difference(native, seen)
    elif "text" not in seen:
        yield f"expected an answer, seen {_short(seen)}"
    else:
        yield from _of_chats(native, seen)


def _of_chats(native: dict[str, Any], seen: dict[str, Any]) -> Iterator[str]:
    if seen["text"] not in (native["text"], native["plan"] + native["text"]):
        yield f"text: {_short(native['text'])} is seen as {_short(seen['text'])}"
    for name in ("thought", "calls", "finish"):
        if native[name] != seen[name]:
            yield f"{name}: {_short(native[name])} is seen as {_short(seen[name])}"
    for name, number in native["usage"].items():
        # What is told as nothing and what is not told mean the same to a caller.
        if number is not None and (seen["usage"][name] or 0) != number:
            yield f"usage.{name}: {number} is seen as {seen['usage'][name]}"


def _first_difference(native: Any, seen: Any, where: str = "") -> Iterator[str]:
    """The first place, so that a difference stays readable."""
    if native == seen:
        return
    if isinstance(native, dict) and isinstance(seen, dict):
        pairs = [(f"{where}.{key}", native.get(key), seen.get(key)) for key in {**native, **seen}]
    elif isinstance(native, list) and isinstance(seen, list) and len(native) == len(seen):
        pairs = [(f"{where}[{index}]", *both) for index, both in enumerate(zip(native, seen, strict=True))]
    else:
        yield f"{where}: {_short(native)} is seen as {_short(seen)}"
        return
    place, left, right = next(each for each in pairs if each[1] != each[2])
    yield from _first_difference(left, right, place)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 300 else f"{text[:140]} … {text[-140:]}"
