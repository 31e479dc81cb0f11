"""A value that fits a simple JSON Schema, always the same one for the same schema.

Law: what it does not understand becomes a string; depth and size are bounded; a malformed schema is a Problem.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

from extproc.demo.reply import Problem

Schema = dict[str, Any]
DEEPEST: Final = 8  # recursive schemas end here: optional parts are left out, lists stay empty
MOST_VALUES: Final = 2_000
LONGEST_TEXT: Final = 10_000

_TEXT_BY_FORMAT: Final = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "email": "demo@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


class _TooLarge(Exception):
    """The schema asks for more values than a demo will write."""


def sample(schema: Schema, filler: str) -> Any:
    """`filler` is the text of strings that the schema does not narrow further."""
    try:
        return _Sampler(schema, filler).value(schema, 0)
    except (_TooLarge, TypeError, ValueError, LookupError, AttributeError, ArithmeticError):
        # Validating a schema is its caller's business; here it is enough to say that it cannot be followed.
        raise Problem(400, "Invalid schema: a value that fits it could not be made.") from None


@dataclass(slots=True)
class _Sampler:
    root: Schema
    filler: str
    values_left: int = MOST_VALUES

    def value(self, schema: Any, depth: int) -> Any:
        self.values_left -= 1
        if self.values_left < 0:
            raise _TooLarge
        if not isinstance(schema, dict):
            return self.filler
        schema = _resolved(schema, self.root)
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        if schema.get("enum"):
            return schema["enum"][0]
        branches = schema.get("anyOf") or schema.get("oneOf")
        if branches:
            return self.value(_branch(branches, depth), depth + 1)
        return self._typed(schema, depth)

    def _typed(self, schema: Schema, depth: int) -> Any:
        match _type(schema, depth):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "integer":
                return math.ceil(_number(schema))
            case "number":
                return _number(schema)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return _text(schema, self.filler)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties: dict[str, Any] = schema.get("properties") or {}
        if depth >= DEEPEST:
            # What is required cannot be left out, even of a recursive object; twice as deep nothing finite would fit.
            required = schema.get("required") or [] if depth < 2 * DEEPEST else []
            properties = {name: each for name, each in properties.items() if name in required}
        return {name: self.value(each, depth + 1) for name, each in properties.items()}

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        fewest = int(schema.get("minItems") or 0)
        if depth >= 2 * DEEPEST:
            return []
        count = min(fewest if depth >= DEEPEST else max(fewest, 1), int(schema.get("maxItems", MOST_VALUES)))
        return [self.value(schema.get("items"), depth + 1) for _ in range(count)]


def _resolved(schema: Schema, root: Schema) -> Schema:
    """The schema with its `$ref` followed and its `allOf` merged."""
    for _ in range(DEEPEST):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            break
        found: Any = root
        for step in reference.lstrip("#/").split("/"):
            found = found.get(step, {}) if step and isinstance(found, dict) else found
        schema = found if isinstance(found, dict) else {}
    parts = schema.get("allOf")
    if not isinstance(parts, list):
        return schema
    merged: Schema = {**schema, "properties": {**(schema.get("properties") or {})}}
    merged.pop("allOf")
    for part in (_resolved(each, root) for each in parts if isinstance(each, dict)):
        properties = {**merged["properties"], **(part.get("properties") or {})}
        required = [*(merged.get("required") or []), *(part.get("required") or [])]
        merged = {**merged, **part, "properties": properties, "required": required}
    return merged


def _branch(branches: list[Any], depth: int) -> Any:
    nulls = [each for each in branches if isinstance(each, dict) and each.get("type") == "null"]
    others = [each for each in branches if each not in nulls]
    return nulls[0] if nulls and (depth >= DEEPEST or not others) else others[0]


def _type(schema: Schema, depth: int) -> str:
    named = schema.get("type")
    if isinstance(named, list) and named:
        named = "null" if depth >= DEEPEST and "null" in named else next((t for t in named if t != "null"), "null")
    if isinstance(named, str):
        return named
    return "object" if schema.get("properties") else "array" if "items" in schema else "string"


def _number(schema: Schema) -> float:
    lowest = schema.get("minimum", schema.get("exclusiveMinimum"))
    highest = schema.get("maximum", schema.get("exclusiveMaximum"))
    step = schema.get("multipleOf") or 1
    if lowest is None:
        chosen = 1.0 if highest is None or highest > 1 else float(highest) - 1
    elif highest is not None and highest - lowest < 1:
        chosen = (lowest + highest) / 2
    else:
        chosen = float(lowest) + (1 if "exclusiveMinimum" in schema else 0)
    return math.ceil(chosen / step) * step if schema.get("multipleOf") or schema.get("type") == "integer" else chosen


def _text(schema: Schema, filler: str) -> str:
    text = _TEXT_BY_FORMAT.get(str(schema.get("format")), filler)
    text = text.ljust(min(int(schema.get("minLength") or 0), LONGEST_TEXT), ".")
    return text[: int(schema["maxLength"])] if "maxLength" in schema else text
