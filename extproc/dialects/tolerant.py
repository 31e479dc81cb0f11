"""JSON that others wrote, read without trust.

Law: nothing raises. What is missing or of another kind is the empty value of the kind that was asked for; a number that
is no count is None.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from extproc.money import LARGEST

_BOM: Final = b"\xef\xbb\xbf"
_NOTHING: Final[Mapping[str, Any]] = {}


def decoded(data: bytes | str) -> Any:
    """None where it is no JSON. Some write a byte order mark before it."""
    if isinstance(data, bytes):
        data = data.removeprefix(_BOM)
    try:
        return msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return None


def at(holder: object, *keys: str) -> Any:
    """What stands there, through objects inside objects: a parser's, so dicts. Asking for a Mapping costs tenfold."""
    for key in keys:
        holder = holder.get(key) if isinstance(holder, dict) else None
    return holder


def text(holder: object, *keys: str) -> str:
    value = at(holder, *keys)
    return value if isinstance(value, str) else ""


def mapping(holder: object, *keys: str) -> Mapping[str, Any]:
    value = at(holder, *keys)
    return value if isinstance(value, dict) else _NOTHING


def items(holder: object, *keys: str) -> list[Any]:
    value = at(holder, *keys)
    return value if isinstance(value, list) else []


def count(holder: object, *keys: str) -> int | None:
    """Some write whole numbers as floats."""
    value = at(holder, *keys)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value < LARGEST and value == int(value) else None


def number(holder: object, *keys: str) -> float | None:
    value = at(holder, *keys)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > LARGEST:
        return None
    return float(value)
