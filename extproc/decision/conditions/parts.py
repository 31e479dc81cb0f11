"""The parts of a condition: what each is, what it reads, and which of them go together."""

from dataclasses import dataclass
from typing import Any, Final

from extproc.decision.conditions import values
from extproc.decision.conditions.values import Read
from extproc.decision.conditions.words import Word, WrongCondition, wrong
from extproc.decision.fact_names import FACTS, Kind
from extproc.decision.nearest import nearest, shown

NAMED: Final = {"number": "a number", "boolean": "a boolean", "text": "a text", "label": "a text", "list": "a list"}


@dataclass(frozen=True, slots=True)
class Part:
    kind: Kind
    read: Read
    at: int
    shown: str


def literal(kind: Kind, value: Any, at: int, text: str) -> Part:
    return Part(kind, lambda facts: value, at, text)


def what(part: Part) -> str:
    return f"{part.shown} is {NAMED.get(part.kind, 'something else')}"


def boolean(part: Part, where: str) -> Part:
    if part.kind not in ("boolean", "any"):
        raise wrong(f"{where} must be true or false, and {what(part)}", part.at)
    return part


def comparison(sign: Word, left: Part, right: Part) -> Part:
    for part in (left, right):
        if part.kind == "list":
            raise wrong("a list is looked into with `in`", part.at)
    kinds = {left.kind, right.kind}
    if len(kinds) > 1 and not kinds & {"any", "label"}:
        raise wrong(f"{what(left)}, and {what(right)}: they are never equal", left.at)
    if sign.text not in ("==", "!=") and "boolean" in kinds:
        raise wrong("booleans have no order", sign.at)
    read = values.comparison(sign.text, left.read, right.read, (left.kind == "label", right.kind == "label"))
    return Part("boolean", read, left.at, "a comparison")


def membership(left: Part, right: Part) -> Part:
    if right.kind not in ("list", "any"):
        raise wrong(f"behind `in` stands a list, and {what(right)}", right.at)
    if left.kind in ("list", "boolean"):
        raise wrong(f"before `in` stands a text or a number, and {what(left)}", left.at)
    return Part("boolean", values.membership(left.read, right.read, left.kind == "label"), left.at, "a membership")


def unknown(word: Word) -> WrongCondition:
    near = ", ".join(nearest(word.text, FACTS))
    known = f"nearest: {near}; facts are: {', '.join(FACTS)}"
    return WrongCondition(f"{wrong(f'`{shown(word.text)}` is no fact', word.at)}; {known}")
