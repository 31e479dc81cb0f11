"""Pictures, documents, sounds and films of the OpenAI dialect → blocks of Converse.

Law: Bedrock takes them by their bytes, or by an address in S3; every other link, an id of somebody's store and a kind
that it does not know are an error, since an answer without them would be none. A document's name has AWS's letters and
is its own in the whole request.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from extproc.dialects.openai.chat import Audio, File, Image

_IMAGES: Final = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
_DOCUMENTS: Final = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/x-markdown": "md",
}
_FILMS: Final = {
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/x-matroska": "mkv",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
_SOUNDS: Final = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/mp4": "m4a",
    "audio/webm": "webm",
}
_SOUND_FORMATS: Final = frozenset(
    ("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm")
)
# Endings that say more than the kind that was told: many programs tell `application/octet-stream`, or nothing.
_BY_ENDING: Final[Mapping[str, str]] = {form: form for form in (*_DOCUMENTS.values(), *_IMAGES.values())} | {
    "htm": "html",
    "jpg": "jpeg",
    "markdown": "md",
}
_VAGUE: Final = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/pdf"})
_S3: Final = "s3://"
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9\-()\[\] ]+")
_SPACES: Final = re.compile(r" {2,}")
_LONGEST_NAME: Final = 150
_NAMELESS: Final = "document"


class Untakeable(ValueError):
    """Something of a message that Bedrock cannot take; the text says what, and what it takes instead."""


def image(part: Image) -> dict[str, Any]:
    ending = _ending(part.url)
    form = _IMAGES.get(part.media_type) or (_BY_ENDING.get(ending) if part.url else None)
    if part.url is not None and not part.url.startswith(_S3):
        raise Untakeable("Bedrock takes pictures by their bytes, not by a link: send a data URL")
    if form not in _IMAGES.values():
        raise Untakeable(f"Bedrock takes pictures as png, jpeg, gif or webp, not as {_shown(part.media_type)}")
    return {"image": {"format": form, "source": _source(part.url, part.data)}}


def audio(part: Audio) -> dict[str, Any]:
    form = part.format.lower()
    if form not in _SOUND_FORMATS:
        raise Untakeable(f"Bedrock takes sound as wav, mp3, flac and others, not as {_shown(part.format)}")
    return {"audio": {"format": form, "source": _source(None, part.data)}}


class Files:
    """The files of one request: their names must differ."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def block(self, part: File) -> dict[str, Any]:
        if part.id is not None:
            raise Untakeable("Bedrock keeps no files: send `file_data` instead of `file_id`")
        if part.url is not None and not part.url.startswith(_S3):
            raise Untakeable("Bedrock takes files by their bytes, not by a link: send `file_data` as a data URL")
        source = _source(part.url, part.data)
        kind = part.media_type.lower()
        for name, forms in (("image", _IMAGES), ("video", _FILMS), ("audio", _SOUNDS)):
            if kind in forms:
                return {name: {"format": forms[kind], "source": source}}
        return {"document": {"format": _document_format(part), "name": self._name(part), "source": source}}

    def _name(self, part: File) -> str:
        plain = (part.name or part.url or "").replace("\\", "/").rpartition("/")[2]
        stem = plain.rpartition(".")[0] or plain
        name = _SPACES.sub(" ", _NOT_IN_NAMES.sub(" ", stem)).strip()[:_LONGEST_NAME].strip() or _NAMELESS
        made, count = name, 1
        while made in self._names:
            count += 1
            made = f"{name} ({count})"
        self._names.add(made)
        return made


def _document_format(part: File) -> str:
    kind = part.media_type.lower()
    by_ending = _BY_ENDING.get(_ending(part.name or part.url))
    if kind in _VAGUE and by_ending in _DOCUMENTS.values():
        return str(by_ending)
    form = _DOCUMENTS.get(kind) or ("txt" if kind.startswith("text/") or kind == "application/json" else None)
    if form is None:
        raise Untakeable(
            f"Bedrock takes documents as pdf, csv, doc, docx, xls, xlsx, html, txt or md, not as {_shown(kind)}"
        )
    return form


def _source(url: str | None, data: str) -> dict[str, Any]:
    return {"bytes": _plain_base64(data)} if url is None else {"s3Location": {"uri": url}}


def _plain_base64(data: str) -> str:
    """Some programs write the alphabet of URLs, or save the padding."""
    plain = data.replace("-", "+").replace("_", "/").rstrip("=")
    if len(plain) % 4 == 1 or not plain:
        raise Untakeable("the base64 of a part is cut short")
    return plain + "=" * (-len(plain) % 4)


def _ending(name: str | None) -> str:
    return (name or "").rpartition(".")[2].lower()


def _shown(word: str) -> str:
    """A word of the caller's, short and harmless."""
    return word[:60] if word.isprintable() and word else "an unnamed kind"
