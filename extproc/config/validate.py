"""A document against the schema, with every mistake at its line and in words of our own.

Law: one mistake is one problem. An entry with a mistake is left out of what is checked further, but its name stays
known, so that no reference to it is called unknown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from extproc.config.document import Document
from extproc.config.later import LATER
from extproc.config.problems import PathParts, Problem, nearest, path_text
from extproc.config.schema import Configuration
from extproc.config.shape import keys_at, without_tags

_WORDS = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of key: value",
    "model_type": "must be a mapping of key: value",
    "too_short": "must not be empty",
}
_BOUNDS = {
    "greater_than": ("gt", "must be more than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
}
_BY_KEY = frozenset({"providers", "services"})  # their keys mean something one by one
_PLACEHOLDERS: dict[str, dict[str, Any]] = {"routes": {}, "callers": {"name": "?"}}


@dataclass(frozen=True, slots=True)
class Validated:
    configuration: Configuration
    problems: tuple[Problem, ...]
    broken: frozenset[PathParts]  # entries that were left out: what is said of them further would only repeat


def validate(document: Document) -> Validated:
    raw = document.plain()
    problems = [*_later(document, raw)]
    broken: set[PathParts] = set()
    for again in (False, True, True):
        try:
            return Validated(Configuration.model_validate(raw), tuple(problems), frozenset(broken))
        except ValidationError as error:
            details = error.errors(include_url=False, include_context=True)
        if not again:  # what is wrong only after a part was left out is no mistake of the operator's
            problems += _problems(document, details)
        for detail in details:
            broken |= _leave_out(raw, detail, whole=again)
    return Validated(Configuration(), tuple(problems), frozenset(broken | {(key,) for key in raw}))


def _later(document: Document, raw: dict[str, Any]) -> Iterator[Problem]:
    """Keys of features that have not landed: said once, and taken out, so that nothing else is said of them."""
    for pattern, feature in LATER.items():
        for holder, path in list(_matches(raw, tuple(pattern.split(".")), ())):
            key = path_text(path[-1:]) if isinstance(path[-1], str) else path_text(path)
            del holder[path[-1]]
            yield document.problem(
                path, f"`{key}` is known, and its feature ({feature}) has not landed in this version", "leave it out"
            )


def _matches(value: Any, pattern: tuple[str, ...], path: PathParts) -> Iterator[tuple[Any, PathParts]]:
    head, rest = pattern[0], pattern[1:]
    parts: list[str | int]
    if isinstance(value, dict):
        parts = list(value) if head == "*" else [head] if head in value else []
    elif isinstance(value, list) and head == "*":
        parts = list(range(len(value)))
    else:
        return
    for part in parts:
        if not rest:
            yield value, (*path, part)
        else:
            yield from _matches(value[part], rest, (*path, part))


def _problems(document: Document, details: list[ErrorDetails]) -> Iterator[Problem]:
    meant = {
        (*detail["loc"][:-1], guess)
        for detail in details
        if detail["type"] == "extra_forbidden"
        for guess in _meant(detail["loc"])
    }
    for detail in details:
        location = detail["loc"]
        path = without_tags(location)
        if detail["type"] == "missing":
            if location not in meant:  # else the misspelt key has been named already
                yield document.problem(path, "is missing")
        elif detail["type"] == "extra_forbidden":
            yield document.problem(path, "is not a known key", nearest(str(path[-1]), keys_at(location[:-1])))
        else:
            message, hint = _words(detail)
            yield document.problem(path, message, hint)


def _meant(location: PathParts) -> list[str]:
    guess = nearest(str(location[-1]), keys_at(location[:-1]))
    return [key for key in keys_at(location[:-1]) if f"`{key}`" in guess]


def _words(detail: ErrorDetails) -> tuple[str, str]:
    kind, given, context = detail["type"], detail["input"], detail.get("ctx", {})
    hint = ""
    if kind == "literal_error":
        options = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        message, hint = f"must be one of {', '.join(options)}", nearest(str(given), options)
    elif kind == "value_error":
        message = str(context["error"])
    elif kind == "form":
        message = detail["msg"]
    elif kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        message = f"{words} {_number(context[name])}"
    else:
        message = _WORDS.get(kind, "has a value that cannot stand here")
    if given is None:
        message, hint = f"has no value: it {message}", "write one, or leave the key out"
    elif kind == "string_type" and isinstance(given, bool):
        hint = "put it in quotes"
    return message, hint


def _number(bound: object) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _leave_out(raw: dict[str, Any], detail: ErrorDetails, whole: bool) -> set[PathParts]:
    """Take the smallest part that can be missed out of the document, and say what not to speak of any more."""
    location = detail["loc"]
    path = without_tags(location)
    section = path[0]
    value = raw.get(str(section))
    entry = value.get(path[1]) if isinstance(value, dict) and len(path) >= 3 else None
    if not whole and section in _BY_KEY and isinstance(entry, dict):
        entry.pop(path[2], None)
        meant = _meant(location) if detail["type"] == "extra_forbidden" and len(path) == 3 else []
        return {path[:3], *((*path[:2], key) for key in meant)}
    return {_leave_out_entry(raw, path)}


def _leave_out_entry(raw: dict[str, Any], path: PathParts) -> PathParts:
    section = path[0]
    value = raw.get(str(section))
    if len(path) >= 2 and isinstance(value, dict) and section not in ("failover", "listen", "limits"):
        value.pop(str(path[1]), None)
        return path[:2]
    if len(path) >= 2 and isinstance(value, list) and isinstance(path[1], int) and section in _PLACEHOLDERS:
        value[path[1]] = dict(_PLACEHOLDERS[str(section)])
        return path[:2]
    raw.pop(str(section), None)
    return path[:1]


def names_of(document: Document, *path: str) -> Mapping[str, Any]:
    """The names written under a section, also of entries that were left out."""
    value: Any = document.plain()
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
