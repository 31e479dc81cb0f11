"""The parts of a message as blocks of Anthropic's Messages.

Law: what Claude cannot read is a refusal that names its place, before anything is built; after that nothing fails.
Links stay links, bytes stay bytes; a text file goes as text.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any, Final

from extproc.dialects.anthropic import IMAGE_TYPES
from extproc.dialects.openai.chat import Audio, CacheHint, Chat, File, Image, Part, Text, Turn
from extproc.refusal import Reason, Refusal

Block = dict[str, Any]

_PDF: Final = "application/pdf"
_TEXTS: Final = frozenset({"application/json", "application/xml", "application/x-yaml", "application/yaml"})
_SAME_TYPES: Final[Mapping[str, str]] = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg"}
_STANDARD: Final = str.maketrans("-_", "+/")
_TTLS: Final = ("5m", "1h")


def unreadable(chat: Chat) -> Refusal | None:
    """What of the conversation Claude cannot be shown at all."""
    for turn in chat.turns:
        for index, part in enumerate(turn.parts):
            why = _why_unreadable(part, turn)
            if why is not None:
                place = f"messages[{turn.place}].content[{index}]"
                return Refusal(Reason.UNSUPPORTED_PARAMETER, f"`{place}` cannot be sent to Claude: {why}", place)
    return None


def _why_unreadable(part: Part, turn: Turn) -> str | None:
    if isinstance(part, Text):
        return None
    if isinstance(part, Audio):
        return "it takes no audio; send a transcript."
    if turn.role in ("system", "assistant"):
        return f"a message of the role {turn.role} holds text only; put it into a user message."
    if isinstance(part, Image):
        return _why_no_image(part.media_type) if part.url is None else None
    if part.id is not None:
        return "only the provider that keeps a file knows its `file_id`; send `file_data`."
    if part.url is not None or part.media_type == _PDF:
        return None
    if part.media_type.startswith("image/"):
        return _why_no_image(part.media_type)
    if not _is_text(part.media_type):
        return "it reads PDF, text and images; convert the file."
    return None if _decoded(part.data) is not None else "a text file must be base64 of UTF-8."


def _why_no_image(media_type: str) -> str | None:
    return None if _image_type(media_type) in IMAGE_TYPES else "it reads JPEG, PNG, GIF and WebP; convert the image."


def blocks(parts: Iterable[Part]) -> list[Block]:
    return [_hinted(_block(part), part) for part in parts if not isinstance(part, Audio)]


def text_block(text: str, hint: CacheHint | None = None) -> Block:
    return cached({"type": "text", "text": text}, hint)


def cached(block: Block, hint: CacheHint | None) -> Block:
    """What the hint says; `None` of a ttl is the vendor's own, five minutes."""
    if hint is None:
        return block
    ttl = {"ttl": hint.ttl} if hint.ttl in _TTLS else {}
    return {**block, "cache_control": {"type": "ephemeral", **ttl}}


def _hinted(block: Block, part: Text | Image | File) -> Block:
    return cached(block, part.cache)


def _block(part: Text | Image | File) -> Block:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image):
        return _image(part.media_type, part.data, part.url)
    if part.media_type.startswith("image/"):
        return _image(part.media_type, part.data, part.url)
    title = {"title": part.name} if part.name else {}
    return {"type": "document", "source": _document(part), **title}


def _image(media_type: str, data: str, url: str | None) -> Block:
    if url is not None:
        return {"type": "image", "source": {"type": "url", "url": url}}
    source = {"type": "base64", "media_type": _image_type(media_type), "data": data.translate(_STANDARD)}
    return {"type": "image", "source": source}


def _document(part: File) -> Block:
    if part.url is not None:
        return {"type": "url", "url": part.url}
    if part.media_type == _PDF:
        return {"type": "base64", "media_type": _PDF, "data": part.data.translate(_STANDARD)}
    return {"type": "text", "media_type": "text/plain", "data": _decoded(part.data) or ""}


def _image_type(media_type: str) -> str:
    return _SAME_TYPES.get(media_type, media_type)


def _is_text(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type in _TEXTS


def _decoded(data: str) -> str | None:
    padded = data.rstrip("=").translate(_STANDARD)
    try:
        return base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
