"""What the operators of conditions do with values: numbers, booleans, texts and lists; None is no value.

Law: nothing raises. Values of different kinds are not equal and have no order, as in CEL; only a label, which is always
a text, is read as the number or the boolean it is compared with.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from extproc.facts.request import Facts

Read = Callable[[Facts], Any]
_NUMBER: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_FLAGS: Final = {"true": True, "false": False, "": False}
_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def every(parts: Sequence[Read]) -> Read:
    """&&: false as soon as one is, whatever the others; without a value where one has none."""
    return _decided_by(False, parts)


def some(parts: Sequence[Read]) -> Read:
    """||: true as soon as one is."""
    return _decided_by(True, parts)


def _decided_by(value: bool, parts: Sequence[Read]) -> Read:
    def read(facts: Facts) -> bool | None:
        known: bool | None = not value
        for part in parts:
            said: object = part(facts)
            if said is value:
                return value
            if said is not (not value):
                known = None
        return known

    return read


def opposite(part: Read) -> Read:
    def read(facts: Facts) -> bool | None:
        value = part(facts)
        return not value if isinstance(value, bool) else None

    return read


def comparison(sign: str, left: Read, right: Read, label: tuple[bool, bool]) -> Read:
    """`label`: whether each side is one."""
    order = _ORDERS.get(sign)
    equal = sign == "=="

    def read(facts: Facts) -> bool | None:
        one, other = left(facts), right(facts)
        if one is None or other is None:
            return None
        if label[0]:
            one = _read_as(other, one)
        if label[1]:
            other = _read_as(one, other)
        same = _sort(one) is _sort(other)
        if order is None:
            return (same and one == other) is equal
        return order(one, other) if same and _sort(one) in (float, str) else None

    return read


def membership(left: Read, right: Read, label: bool) -> Read:
    def read(facts: Facts) -> bool | None:
        one, listed = left(facts), right(facts)
        if one is None or not isinstance(listed, (tuple, frozenset)):
            return None
        return any(_alike(_read_as(other, one) if label else one, other) for other in listed)

    return read


def of_text(method: Callable[[str, str], bool], left: Read, right: Read) -> Read:
    def read(facts: Facts) -> bool | None:
        one, other = left(facts), right(facts)
        return method(one, other) if isinstance(one, str) and isinstance(other, str) else None

    return read


def _alike(one: Any, other: Any) -> bool:
    return _sort(one) is _sort(other) and bool(one == other)


def _sort(value: Any) -> type:
    """What a value can be compared with; true is no number here."""
    if isinstance(value, bool):
        return bool
    return float if isinstance(value, (int, float)) else type(value)


def _read_as(other: Any, label: Any) -> Any:
    """A label as the kind of what it is compared with; as it is where it is none such."""
    if not isinstance(label, str):
        return label
    if isinstance(other, bool):
        return _FLAGS.get(label.lower(), label)
    if isinstance(other, (int, float)) and _NUMBER.fullmatch(label):
        return float(label)
    return label
