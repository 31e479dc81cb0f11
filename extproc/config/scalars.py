"""Scalars by the core schema of YAML 1.2, each remembering how it was written.

Law: only true and false are booleans; `on`, `no`, `y` and dates are the text that was written. A number that ends up
where text is wanted (an API version, a key, a price) gives exactly the characters of the file.
"""

import math
import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"^[-+]?[0-9]+$")
_BASED_INT = re.compile(r"^(0o[0-7]+|0x[0-9a-fA-F]+)$")
_FLOAT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_INFINITE = re.compile(r"^([-+]?\.(inf|Inf|INF)|\.nan|\.NaN|\.NAN)$")
_LONGEST_NUMBER = 64  # longer ones are keys or identifiers, and reading them as numbers is slow

TAG = "tag:yaml.org,2002:"


class WrittenInt(int):
    """A whole number that prints as it was written."""

    text: str

    def __new__(cls, value: int, text: str) -> "WrittenInt":
        made = super().__new__(cls, value)
        made.text = text
        return made

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


class WrittenFloat(float):
    """A number that prints as it was written, so that 1.10 stays 1.10."""

    text: str

    def __new__(cls, value: float, text: str) -> "WrittenFloat":
        made = super().__new__(cls, value)
        made.text = text
        return made

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


class Substituted(str):
    """Plain text that came out of a variable: where a boolean is wanted, `true` and `false` are taken as such."""

    __slots__ = ()


Scalar = str | int | float | bool | None


def tag_of(text: str) -> str:
    """The tag that a plain scalar has by its form."""
    if text in _NULL:
        return TAG + "null"
    if text in _BOOL:
        return TAG + "bool"
    if len(text) <= _LONGEST_NUMBER:
        if _INT.match(text) or _BASED_INT.match(text):
            return TAG + "int"
        if _FLOAT.match(text) or _INFINITE.match(text):
            return TAG + "float"
    return TAG + "str"


def scalar(tag: str, text: str) -> Scalar:
    """The value of a scalar. Raises ValueError when an explicit tag does not fit the text."""
    kind = tag.removeprefix(TAG)
    if kind == "str":
        return text
    if tag_of(text) != tag and not (kind == "float" and tag_of(text) == TAG + "int"):
        raise ValueError(f"{text!r} is not of the kind that its tag says")
    if kind == "null":
        return None
    if kind == "bool":
        return _BOOL[text]
    if kind == "int":
        return WrittenInt(int(text, 0) if _BASED_INT.match(text) else int(text), text)
    return WrittenFloat(_float(text), text)


def substituted(text: str) -> Scalar:
    """The value of a plain scalar after variables were put in: a number where it looks like one, else text."""
    tag = tag_of(text)
    return scalar(tag, text) if tag in (TAG + "int", TAG + "float") else Substituted(text)


def _float(text: str) -> float:
    lower = text.lower()
    if lower == ".nan":
        return math.nan
    if lower.endswith(".inf"):
        return -math.inf if lower.startswith("-") else math.inf
    return float(text)
