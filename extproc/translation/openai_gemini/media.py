"""Images, files, sounds and films of a chat as parts that Gemini takes.

Law: bytes go as bytes, links as links: nothing is fetched. Google fetches links itself, but for its oldest models on AI
Studio; a file that only OpenAI knows cannot be sent, and the refusal says where it stands.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from extproc.dialects.openai.chat import Audio, Chat, File, Image, Part, Text
from extproc.refusal import Reason, Refusal
from extproc.translation.pair import Destination

_FILES_API: Final = "https://generativelanguage.googleapis.com/v1beta/"
_OWN_FILE: Final = re.compile(r"(?:https://generativelanguage\.googleapis\.com/(?:[\w.-]+/)?)?files/[\w-]+")
_FILM_PAGE: Final = re.compile(r"https://(?:www\.youtube\.com/watch\?|youtu\.be/)", re.IGNORECASE)
_ENDINGS: Final[Mapping[str, str]] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "xml": "text/xml",
    "json": "application/json",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpg",
    "mov": "video/quicktime",
    "avi": "video/x-msvideo",
    "flv": "video/x-flv",
    "webm": "video/webm",
    "wmv": "video/wmv",
    "3gp": "video/3gpp",
    "mp3": "audio/mp3",
    "wav": "audio/wav",
    "aac": "audio/aac",
    "aiff": "audio/aiff",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
}
_SOUNDS: Final[Mapping[str, str]] = {"mpeg": "audio/mp3", "pcm16": "audio/pcm"}


def refused_media(chat: Chat, to: Destination) -> Refusal | None:
    """The first part that this destination cannot be sent at all."""
    for turn in chat.turns:
        for index, part in enumerate(turn.parts):
            why = _why_not(_link(part), to)
            if why is not None:
                place = f"messages[{turn.place}].content[{index}]"
                return Refusal(Reason.UNSUPPORTED_PARAMETER, f"`{place}` cannot be sent to {why}", param=place)
    return None


def native(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"text": part.text}
    link = _link(part)
    if link is not None:
        return {"fileData": _file_data(link, part)}
    if isinstance(part, Audio):
        return _inline(_SOUNDS.get(part.format.lower(), f"audio/{part.format.lower()}"), part.data)
    return _inline(part.media_type, part.data)


def _inline(media_type: str, data: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _link(part: Part) -> str | None:
    if isinstance(part, Image):
        return part.url
    return part.url or part.id if isinstance(part, File) else None


def _why_not(link: str | None, to: Destination) -> str | None:
    if link is None:
        return None
    on_vertex = to.provider.dialect == "vertex"
    if _OWN_FILE.fullmatch(link):
        return "Vertex AI: files of AI Studio are unknown there; upload it to gs://." if on_vertex else None
    scheme = link.partition(":")[0].lower()
    if scheme == "gs":
        return None
    if scheme not in ("http", "https"):
        return "Gemini: it knows no such file; send its bytes, a gs:// address or a link."
    if not on_vertex and not to.traits.fetches_links:
        return f"{to.model}: it fetches no links; send the bytes as a data URL, or ask Gemini 2.5 or later."
    return None


def _file_data(link: str, part: Part) -> dict[str, Any]:
    named = part.name if isinstance(part, File) else None
    kind = _by_ending(named or "") or _by_ending(link.partition("?")[0].partition("#")[0])
    if _OWN_FILE.fullmatch(link):  # AI Studio remembers what it was uploaded as
        uri = link if link.startswith("https:") else _FILES_API + link
        return {"fileUri": uri, **({"mimeType": kind} if kind is not None else {})}
    if _FILM_PAGE.match(link):
        kind = "video/mp4"
    # An image is known by its bytes, whatever kind it is announced as.
    return {"fileUri": link, "mimeType": kind or ("image/jpeg" if isinstance(part, Image) else "application/pdf")}


def _by_ending(name: str) -> str | None:
    return _ENDINGS.get(name.rpartition("/")[2].rpartition(".")[2].lower())
