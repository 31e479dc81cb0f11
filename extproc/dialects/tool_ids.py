"""Ids of tool calls and names of tools, made to fit where charset and length are bounded.

Law: what fits stays as it is; what does not is changed by itself alone, so the same id is the same everywhere (in a
call, in its result, in the next request) and nothing must be remembered. Two that differ stay different.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_MARK: Final = 8  # letters of the hash behind what was kept of a name


@dataclass(frozen=True, slots=True)
class Shape:
    """`letters` is the inside of a regular expression's brackets; `first` the same for the first letter."""

    letters: str
    longest: int
    exactly: int | None = None  # every id has this length, and letters and digits alone
    first: str | None = None


WORD: Final = Shape("a-zA-Z0-9_-", 64)  # OpenAI, Anthropic; names on Bedrock
BEDROCK_ID: Final = Shape("a-zA-Z0-9_.:-", 64)
MISTRAL_ID: Final = Shape("a-zA-Z0-9", 9, exactly=9)
GEMINI_NAME: Final = Shape("a-zA-Z0-9_.:-", 64, first="a-zA-Z_")


@lru_cache(maxsize=4096)
def fitted(word: str, shape: Shape) -> str:
    if _fits(word, shape):
        return word
    if shape.exactly is not None:
        return _hash(word, shape.exactly)
    kept = re.sub(f"[^{shape.letters}]", "_", word[: shape.longest])
    if shape.first is not None and not re.match(f"[{shape.first}]", kept):
        kept = "_" + kept
    return f"{kept[: shape.longest - _MARK - 1]}_{_hash(word, _MARK)}"


def _fits(word: str, shape: Shape) -> bool:
    if shape.exactly is not None and len(word) != shape.exactly:
        return False
    if shape.first is not None and not re.match(f"[{shape.first}]", word):
        return False
    return bool(word) and len(word) <= shape.longest and re.fullmatch(f"[{shape.letters}]+", word) is not None


def _hash(word: str, length: int) -> str:
    number = int.from_bytes(hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest(), "big")
    letters = []
    for _ in range(length):
        number, place = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[place])
    return "".join(letters)


@dataclass(frozen=True, slots=True)
class ToolNames:
    """The names of one request's tools, as the provider is told them and as the caller knows them."""

    shape: Shape
    changed: Mapping[str, str]  # told → meant

    def told(self, name: str) -> str:
        return fitted(name, self.shape)

    def meant(self, told: str) -> str:
        return self.changed.get(told, told)


def tool_names(names: Iterable[str], shape: Shape) -> ToolNames:
    return ToolNames(shape, {told: name for name in names if (told := fitted(name, shape)) != name})
