"""The members of a request, decoded when they are looked at.

Law: a value of the wrong kind is told by its member; null says nothing.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from extproc.dialects.openai.chat import Schema
from extproc.dialects.openai.parts import Wrong

_TOO_LARGE: Final = 2**63  # for every setting there is, and for most readers of JSON


class Given:
    """The members, decoded when they are looked at."""

    def __init__(self, raws: Mapping[str, msgspec.Raw]) -> None:
        self._raws = raws

    def get(self, key: str) -> Any:
        if key not in self._raws:
            return None
        try:
            return msgspec.json.decode(self._raws[key])
        except (ValueError, RecursionError):
            raise Wrong(key, "valid JSON that is not nested too deeply") from None

    def text(self, key: str) -> str | None:
        value = self.get(key)
        if value is not None and not isinstance(value, str):
            raise Wrong(key, "a string")
        return value or None

    def flag(self, key: str) -> bool | None:
        value = self.get(key)
        if value is not None and not isinstance(value, bool):
            raise Wrong(key, "true or false")
        return value

    def number(self, key: str) -> float | None:
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < _TOO_LARGE:
            raise Wrong(key, "a number")
        return value

    def whole(self, key: str) -> int | None:
        value = self.number(key)
        if value is not None and value != int(value):
            raise Wrong(key, "a whole number")
        return None if value is None else int(value)

    def count(self, key: str) -> int | None:
        """None too for zero and less: some programs write «no cap» so."""
        value = self.whole(key)
        return value if value is not None and value > 0 else None

    def mapping(self, key: str) -> Mapping[str, Any] | None:
        value = self.get(key)
        if value is not None and not isinstance(value, dict):
            raise Wrong(key, "an object")
        return value

    def listed(self, key: str) -> list[Any]:
        value = self.get(key)
        if value is not None and not isinstance(value, list):
            raise Wrong(key, "a list")
        return value or []


def schema_of(value: Any, place: str) -> Schema | None:
    if value is not None and not isinstance(value, dict):
        raise Wrong(place, "a JSON Schema, an object")
    return value
