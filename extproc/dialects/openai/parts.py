"""The parts of one message in the OpenAI dialect.

Law: a data URL is taken apart once, here; what a part is sent as (bytes or a link) is what it stays.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from extproc.dialects.openai.chat import Audio, CacheHint, File, Image, Part, Text

_DATA_URL = re.compile(r"^data:([^;,\s]*)((?:;[^;,\s]+)*),", re.IGNORECASE)
_SPACE = re.compile(r"\s")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")


class Wrong(ValueError):
    """Something at this place cannot be meant; `expected` says what could."""

    def __init__(self, place: str, expected: str) -> None:
        super().__init__(f"`{place}` must be {expected}")
        self.place = place
        self.expected = expected


def text_of(value: Any, place: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Wrong(place, "a string")
    return value


def parts_of(content: Any, place: str, role: str) -> tuple[Part, ...]:
    """A string is one part; null and missing are none, which an assistant that only calls tools may say."""
    if content is None:
        if role not in ("assistant", "tool"):
            raise Wrong(place, "a string or a list of parts")
        return ()
    if isinstance(content, str):
        return (Text(content),) if content else ()
    if not isinstance(content, list):
        raise Wrong(place, "a string or a list of parts")
    return tuple(_part(part, f"{place}[{index}]") for index, part in enumerate(content))


def _part(part: Any, place: str) -> Part:
    if isinstance(part, str):
        return Text(part)
    kind = part.get("type") if isinstance(part, dict) else None
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise Wrong(f"{place}.type", f"one of {', '.join(_READERS)}")
    return reader(part, place)


def cache_hint(holder: Mapping[str, Any]) -> CacheHint | None:
    """`cache_control` of a part, a message or a tool."""
    written = holder.get("cache_control")
    if not isinstance(written, dict):
        return None
    ttl = written.get("ttl")
    return CacheHint(ttl if isinstance(ttl, str) else None)


def _text(part: Mapping[str, Any], place: str) -> Text:
    text = part.get("text", part.get("refusal"))
    if not isinstance(text, str):
        raise Wrong(f"{place}.text", "a string")
    return Text(text, cache_hint(part))


def _image(part: Mapping[str, Any], place: str) -> Image:
    holder = part.get("image_url")
    url, detail = (holder.get("url"), holder.get("detail")) if isinstance(holder, dict) else (holder, None)
    if not isinstance(url, str) or not url:
        raise Wrong(f"{place}.image_url", "an object with a `url`")
    detail = detail if isinstance(detail, str) else None
    if url[:5].lower() != "data:":
        return Image(url=url, detail=detail, cache=cache_hint(part))
    media_type, data = _taken_apart(url, f"{place}.image_url.url")
    return Image(media_type=media_type or "image/png", data=data, detail=detail, cache=cache_hint(part))


def _audio(part: Mapping[str, Any], place: str) -> Audio:
    holder = part.get("input_audio")
    data = holder.get("data") if isinstance(holder, dict) else None
    form = holder.get("format") if isinstance(holder, dict) else None
    data = _bare(data) if isinstance(data, str) else None
    if data is None or not isinstance(form, str) or not _BASE64.fullmatch(data):
        raise Wrong(f"{place}.input_audio", "an object with base64 `data` and a `format`")
    return Audio(data, form)


def _file(part: Mapping[str, Any], place: str) -> File:
    holder = part.get("file")
    if not isinstance(holder, dict):
        raise Wrong(f"{place}.file", "an object with `file_data` or `file_id`")
    name = text_of(holder.get("filename"), f"{place}.file.filename")
    data, id_ = holder.get("file_data"), holder.get("file_id")
    if isinstance(data, str) and data:
        return _file_by_data(data, name, f"{place}.file.file_data", cache_hint(part))
    if not isinstance(id_, str) or not id_:
        raise Wrong(f"{place}.file", "an object with `file_data` or `file_id`")
    return File(name=name, id=id_, cache=cache_hint(part))


def _file_by_data(data: str, name: str | None, place: str, hint: CacheHint | None) -> File:
    if data[:5].lower() == "data:":
        media_type, base64 = _taken_apart(data, place)
        return File(name=name, media_type=media_type or "application/pdf", data=base64, cache=hint)
    if data[:8].lower().startswith(("http://", "https://")):
        return File(name=name, url=data, cache=hint)
    data = _bare(data)
    if not _BASE64.fullmatch(data):
        raise Wrong(place, "a data URL, a link or base64")
    return File(name=name, media_type=_by_name(name), data=data, cache=hint)


def _by_name(name: str | None) -> str:
    ending = (name or "").rpartition(".")[2].lower()
    return _ENDINGS.get(ending, "application/pdf")


def _taken_apart(url: str, place: str) -> tuple[str, str]:
    found = _DATA_URL.match(url)
    if found is None or ";base64" not in found[2].lower():
        raise Wrong(place, "a data URL with `;base64,`")
    data = _bare(url[found.end() :])
    if not data or not _BASE64.fullmatch(data):
        raise Wrong(place, "a data URL with base64 behind the comma")
    return found[1].lower(), data


def _bare(base64: str) -> str:
    """Without the line breaks that programs put in after every 76 letters: not every provider takes them."""
    return "".join(base64.split()) if _SPACE.search(base64) else base64


_ENDINGS: Final = {
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
}
_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], str], Part]]] = {
    "text": _text,
    "refusal": _text,
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
}
