"""Whether a JSON value is exactly what a type hint of an official SDK says, key for key.

Law: the hints are read as the vendor wrote them, and deep: pydantic reads `Iterable` lazily and takes unknown keys of a
TypedDict, this does neither. A JSON object is a TypedDict, a dict or, in SDKs whose requests are pydantic models, such
a model, read as its fields and no more; what only Python programs can pass (open files) is never right.
"""

import collections.abc
import functools
import types
import typing
from collections.abc import Iterator
from typing import Any

import typing_extensions
from pydantic import BaseModel

WRAPPERS = (typing.Required, typing.NotRequired, typing_extensions.Required, typing_extensions.NotRequired)
REQUIRED = (typing.Required, typing_extensions.Required)
LISTS = (list, collections.abc.Iterable, collections.abc.Sequence)
MAPS = (dict, collections.abc.Mapping)


def problems(value: Any, hint: Any, where: str = "") -> Iterator[str]:
    """Each as `where: what`."""
    hint = _bare(hint)
    origin = typing_extensions.get_origin(hint)
    if hint in (Any, object):
        return
    elif typing_extensions.is_typeddict(hint) or _is_model(hint):
        yield from _object(value, hint, where)
    elif origin in (typing.Union, types.UnionType):
        yield from _any_of(value, typing_extensions.get_args(hint), where)
    elif origin in (typing.Literal, typing_extensions.Literal):
        allowed = typing_extensions.get_args(hint)
        if not any(value == each and type(value) is type(each) for each in allowed):
            yield f"{where}: {value!r:.60} is none of {allowed}"
    elif origin in LISTS or hint in LISTS:
        yield from _list(value, hint, where)
    elif origin in MAPS or hint in MAPS:
        yield from _map(value, hint, where)
    elif not _is_scalar(value, hint):
        yield f"{where}: {value!r:.60} is not {getattr(hint, '__name__', hint)}"


def _bare(hint: Any) -> Any:
    """Without annotations, `Required` and aliases."""
    while True:
        origin = typing_extensions.get_origin(hint)
        if origin in WRAPPERS or origin in (typing.Annotated, typing_extensions.Annotated):
            hint = typing_extensions.get_args(hint)[0]
        elif isinstance(hint, typing_extensions.TypeAliasType):
            hint = hint.__value__
        elif isinstance(origin, typing_extensions.TypeAliasType):
            hint = origin.__value__[typing_extensions.get_args(hint)]
        else:
            return hint


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel)


def _is_scalar(value: Any, hint: Any) -> bool:
    if hint is None or hint is type(None):
        return value is None
    if isinstance(value, bool):
        return hint is bool
    if hint is float:
        return isinstance(value, int | float)
    return hint in (str, int) and isinstance(value, hint)


def _list(value: Any, hint: Any, where: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where}: {value!r:.60} is no list"
        return
    (of,) = typing_extensions.get_args(hint) or (Any,)
    for index, each in enumerate(value):
        yield from problems(each, of, f"{where}[{index}]")


def _map(value: Any, hint: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r:.60} is no object"
        return
    _, of = typing_extensions.get_args(hint) or (str, Any)
    for key, each in value.items():
        yield from problems(each, of, f"{where}.{key}")


def _object(value: Any, hint: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r:.60} is no object"
        return
    fields, required = _fields(hint)
    for key in sorted(required - value.keys()):
        yield f"{where}.{key}: missing"
    for key, each in value.items():
        if key in fields:
            yield from problems(each, fields[key], f"{where}.{key}")
        else:
            yield f"{where}.{key}: {hint.__name__} has no such field"


def _any_of(value: Any, branches: tuple[Any, ...], where: str) -> Iterator[str]:
    """The problems of the branch that comes closest: one whose `type` or `role` fits, then one with the fewest."""
    best: tuple[tuple[bool, int], list[str]] | None = None
    for branch in branches:
        found = list(problems(value, branch, where))
        if not found:
            return
        misses_kind = any(line.startswith((f"{where}.type:", f"{where}.role:")) for line in found)
        is_other_shape = any(line.startswith(f"{where}: ") for line in found)
        order = (misses_kind or is_other_shape, len(found))
        if best is None or order < best[0]:
            best = (order, found)
    yield from best[1] if best else [f"{where}: nothing fits"]


@functools.cache
def _fields(hint: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """Hints of all keys, and which must be there: read from the bases, since `__required_keys__` lies where a module
    has postponed annotations."""
    if _is_model(hint):
        found = {field.alias or name: field for name, field in hint.model_fields.items()}
        needed = frozenset(name for name, field in found.items() if field.is_required())
        return {name: field.annotation for name, field in found.items()}, needed
    required: set[str] = set()
    inherited: set[str] = set()
    for base in getattr(hint, "__orig_bases__", ()):
        if typing_extensions.is_typeddict(base):
            fields, needed = _fields(base)
            inherited |= fields.keys()
            required |= needed
    hints = typing_extensions.get_type_hints(hint, include_extras=True)
    for key, each in hints.items():
        origin = typing_extensions.get_origin(each)
        if origin in REQUIRED or (key not in inherited and hint.__total__ and origin not in WRAPPERS):
            required.add(key)
    return hints, frozenset(required)
