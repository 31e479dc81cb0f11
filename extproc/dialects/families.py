"""What a model of which nothing is known probably serves, from its name alone.

Law: a guess for models that neither the configuration nor the shipped table describes; `endpoints` of a model says it
for certain. Whatever names nothing else serves chat, and completions, which servers offer for any text model.
"""

from collections.abc import Callable
from typing import Final

from extproc.dialects.endpoints import REALTIME

_EMBEDDINGS: Final = frozenset({"embeddings"})
_AUDIO: Final = frozenset({"audio"})
_IMAGES: Final = frozenset({"images"})
_REALTIME: Final = frozenset({REALTIME})
CHAT: Final = frozenset({"chat"})
TEXT: Final = frozenset({"chat", "completions"})
_BY_NAME: Final[tuple[tuple[Callable[[str], bool], frozenset[str]], ...]] = (
    (lambda name: "embed" in name, _EMBEDDINGS),
    (lambda name: "moderation" in name, frozenset({"moderations"})),
    (lambda name: name.startswith("dall-e") or "image" in name, _IMAGES),
    (lambda name: name.startswith("tts"), frozenset({"speech"})),
    (lambda name: name.startswith("whisper") or "transcribe" in name, _AUDIO),
    (lambda name: "realtime" in name, _REALTIME),
)


def families_by_name(name: str) -> frozenset[str]:
    """`*embed*` embeddings, `*moderation*` moderations, `dall-e*` and `*image*` images, `tts*` speech, `whisper*` and
    `*transcribe*` audio, `*realtime*` realtime, all others chat and completions."""
    lower = name.lower()
    return next((found for named, found in _BY_NAME if named(lower)), TEXT)
