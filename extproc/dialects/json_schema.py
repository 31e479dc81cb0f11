"""JSON Schemas rewritten for providers that know only a part of the language.

Law: what a provider does not know is not forgotten: a keyword that it would refuse is told in the `description`, where
the model reads it, and named as moved. A schema that nests too deeply, or grows too much when its references are
written out, ends in «anything» there. Nothing raises; what is given is never changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

Schema = Mapping[str, Any]
Fit = Callable[[dict[str, Any], "Rewriting"], dict[str, Any]]

_DEEPEST: Final = 60
_MOST_NODES: Final = 5000
_LONGEST_TOLD: Final = 500
_ONE: Final = ("items", "contains", "not", "if", "then", "else", "propertyNames", "additionalItems")
_MANY: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


@dataclass(frozen=True, slots=True)
class Rewritten:
    schema: dict[str, Any]
    moved: tuple[str, ...] = ()  # keywords that stand in a description now, or nowhere


@dataclass(slots=True)
class Rewriting:
    """One rewriting of one schema."""

    root: Schema
    moved: set[str] = field(default_factory=set)
    nodes: int = 0

    def walk(self, schema: object, fit: Fit, depth: int = 0) -> Any:
        """Every schema inside this one, then this one itself, through `fit`."""
        if not isinstance(schema, Mapping):
            return schema
        self.nodes += 1
        if depth > _DEEPEST or self.nodes > _MOST_NODES:
            self.moved.add("nesting")
            return {}
        made = dict(schema)
        for key in _ONE:
            if isinstance(made.get(key), Mapping):
                made[key] = self.walk(made[key], fit, depth + 1)
        for key in _MANY:
            if isinstance(made.get(key), list):
                made[key] = [self.walk(one, fit, depth + 1) for one in made[key]]
        for key in _NAMED:
            if isinstance(made.get(key), Mapping):
                made[key] = {name: self.walk(one, fit, depth + 1) for name, one in made[key].items()}
        if isinstance(made.get("additionalProperties"), Mapping):
            made["additionalProperties"] = self.walk(made["additionalProperties"], fit, depth + 1)
        return fit(made, self)

    def tell(self, made: dict[str, Any], keys: list[str]) -> None:
        """Moves the keywords into the description."""
        if not keys:
            return
        self.moved.update(keys)
        told = ", ".join(f"{key}: {_told(made.pop(key))}" for key in keys)
        before = made.get("description")
        made["description"] = f"{before} ({told})" if isinstance(before, str) and before else f"({told})"


def _told(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()[:_LONGEST_TOLD]
    except (TypeError, ValueError, RecursionError):
        return "…"


def _rewritten(schema: Schema, fit: Fit) -> Rewritten:
    rewriting = Rewriting(schema)
    made = rewriting.walk(schema, fit)
    return Rewritten(made, tuple(sorted(rewriting.moved)))


# --- for grammars: Anthropic's and Bedrock's structured outputs, strict tools ----------------------------------------

_IN_GRAMMARS: Final = frozenset(
    {"type", "description", "title", "enum", "const", "default", "anyOf", "allOf", "$ref", "$defs", "definitions"}
    | {"properties", "required", "additionalProperties", "items", "format", "minItems"}
)
# Tuples, not sets: what is looked for in them is the caller's and may be anything.
_FORMATS: Final = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
_SILENT: Final = frozenset({"$schema", "$id", "$comment", "examples"})  # they bind nothing


def for_grammar(schema: Schema) -> Rewritten:
    """Closed objects, no bounds, no `oneOf`."""
    return _rewritten(schema, _fit_grammar)


def _fit_grammar(made: dict[str, Any], rewriting: Rewriting) -> dict[str, Any]:
    _one_of_to_any_of(made)
    for key in _SILENT & made.keys():
        del made[key]
    told = [key for key in made if key not in _IN_GRAMMARS]
    if made.get("format") not in _FORMATS and "format" in made:
        told.append("format")
    if made.get("minItems") not in (0, 1) and "minItems" in made:
        told.append("minItems")
    if _is_object(made):
        if made.get("additionalProperties") not in (False, None, True):
            told.append("additionalProperties")
        rewriting.tell(made, told)
        made["additionalProperties"] = False
        made.setdefault("properties", {})
        return made
    rewriting.tell(made, told)
    return made


_NOT_AT_THE_TOP: Final = ("anyOf", "oneOf", "allOf")


def for_tool_input(schema: Schema | None) -> Rewritten:
    """An object at the top, and no choice between several: some providers take only that of a tool."""
    made = dict(schema or {})
    rewriting = Rewriting(made)
    rewriting.tell(made, [key for key in _NOT_AT_THE_TOP if key in made])
    if made.get("type") != "object":
        made["type"] = "object"
    made.setdefault("properties", {})
    return Rewritten(made, tuple(sorted(rewriting.moved)))


def _is_object(made: Mapping[str, Any]) -> bool:
    kind = made.get("type")
    return kind == "object" or "properties" in made or (isinstance(kind, list) and "object" in kind)


def _one_of_to_any_of(made: dict[str, Any]) -> None:
    if "oneOf" in made and "anyOf" not in made:
        made["anyOf"] = made.pop("oneOf")


# --- references written out ------------------------------------------------------------------------------------------


def inlined(schema: Schema) -> Rewritten:
    """Without `$ref`: each is what it points to. One that leads back to itself ends in an object of any kind."""
    rewriting = Rewriting(schema)
    made = _inlined(schema, rewriting, (), 0)
    for key in ("$defs", "definitions"):
        made.pop(key, None)
    return Rewritten(made, tuple(sorted(rewriting.moved)))


def _inlined(value: Any, rewriting: Rewriting, within: tuple[str, ...], depth: int) -> Any:
    if isinstance(value, list):
        return [_inlined(one, rewriting, within, depth + 1) for one in value]
    if not isinstance(value, Mapping):
        return value
    rewriting.nodes += 1
    if depth > _DEEPEST or rewriting.nodes > _MOST_NODES:
        rewriting.moved.add("nesting")
        return {}
    target = value.get("$ref")
    if isinstance(target, str):
        beside = {key: one for key, one in value.items() if key != "$ref"}
        found = _pointed_to(rewriting.root, target)
        if found is None or target in within:
            rewriting.moved.add("$ref")
            return {"type": "object", **beside}
        return _inlined({**found, **beside}, rewriting, (*within, target), depth + 1)
    return {
        key: _inlined(one, rewriting, within, depth + 1)
        for key, one in value.items()
        if key not in ("$defs", "definitions")
    }


def _pointed_to(root: Schema, pointer: str) -> Schema | None:
    if not pointer.startswith("#"):
        return None
    place: object = root
    for step in [step for step in pointer[1:].split("/") if step]:
        name = step.replace("~1", "/").replace("~0", "~")
        place = place.get(name) if isinstance(place, Mapping) else None
    return place if isinstance(place, Mapping) else None


# --- for Gemini ------------------------------------------------------------------------------------------------------

_IN_GEMINI: Final = frozenset(
    {"$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems"}
    | {"minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required"}
    | {"propertyOrdering"}
)


def for_gemini(schema: Schema) -> Rewritten:
    """What it does not know it ignores; beside a reference it takes nothing."""
    if "definitions" not in schema:
        return _rewritten(schema, _fit_gemini)
    flat = inlined(schema)
    made = _rewritten(flat.schema, _fit_gemini)
    return Rewritten(made.schema, tuple(sorted({*flat.moved, *made.moved})))


def _fit_gemini(made: dict[str, Any], rewriting: Rewriting) -> dict[str, Any]:
    if isinstance(made.get("$ref"), str):
        beside = [key for key in made if not key.startswith("$")]
        rewriting.moved.update(key for key in beside if key not in ("description", "title", "default", "examples"))
        return {key: value for key, value in made.items() if key not in beside}
    for key in (_SILENT - {"$id"}) & made.keys():
        del made[key]
    if "const" in made and "enum" not in made:
        made["enum"] = [made.pop("const")]
    rewriting.tell(made, [key for key in made if key not in _IN_GEMINI])
    listed = made.get("enum", [])
    if not isinstance(listed, list):
        return _told_enum(made, rewriting)
    named = [one for one in listed if one is not None]
    if not all(_is_listable(one) for one in named):
        return _told_enum(made, rewriting)
    if len(named) == len(listed):
        return made
    return _or_null({**made, "enum": named}) if not made.keys() & {"anyOf", "oneOf"} else _told_enum(made, rewriting)


def _told_enum(made: dict[str, Any], rewriting: Rewriting) -> dict[str, Any]:
    rewriting.tell(made, ["enum"])
    return made


def _or_null(made: dict[str, Any]) -> dict[str, Any]:
    """Only strings and numbers can be listed."""
    kinds = made.get("type")
    if isinstance(kinds, list):
        made["type"] = [kind for kind in kinds if kind != "null"]
    about: dict[str, Any] = {key: made.pop(key) for key in ("title", "description") if key in made}
    return {**about, "anyOf": [made, {"type": "null"}]}


def _is_listable(value: object) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)
