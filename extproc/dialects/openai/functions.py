"""Tools and formats as OpenAI's models are shown them: counting tokens needs the text, nobody else does.

Law: the shapes are those by which the counts of real answers come out (7 of 7 with tools or a schema). Depth is
bounded; what cannot be said in a type is `any`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

_DEEPEST: Final = 12
_PLAIN: Final = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


class Function(msgspec.Struct):
    name: str = ""
    description: str | None = None
    parameters: Any = None


def declared(functions: Sequence[Function]) -> str:
    """As types of a namespace."""
    lines = ["namespace functions {", ""]
    for function in functions:
        lines += _comment(function.description)
        properties = _properties(function.parameters, 0)
        if properties:
            lines += [f"type {function.name} = (_: {{", *properties, "}) => any;", ""]
        else:
            lines += [f"type {function.name} = () => any;", ""]
    return "\n".join([*lines, "} // namespace functions"])


def demanded(name: str, description: str | None, schema: Any) -> str:
    """A format of the answer."""
    members = schema.items() if isinstance(schema, Mapping) else ()
    shown = {key: value for key, value in members if key != "additionalProperties"}
    text = msgspec.json.encode(shown).decode()
    return "\n".join(["# Response Formats", "", f"## {name}", "", *_comment(description), text])


def _properties(schema: Any, depth: int) -> list[str]:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        return []
    required = schema.get("required")
    needed = set(map(str, required)) if isinstance(required, list) else set()
    lines = []
    for name, value in properties.items():
        lines += _comment(value.get("description") if isinstance(value, Mapping) else None)
        lines.append(f"{name}{'' if name in needed else '?'}: {_type(value, depth + 1)},")
    return lines


def _type(schema: Any, depth: int) -> str:
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return "any"
    choices = schema.get("enum")
    if isinstance(choices, list):
        return " | ".join(msgspec.json.encode(choice).decode() for choice in choices)
    kinds = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(kinds, list):
        return " | ".join(_type(kind, depth + 1) for kind in kinds)
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_type({**schema, "type": one}, depth + 1) for one in kind if isinstance(one, str))
    if kind == "array":
        return f"{_type(schema.get('items'), depth + 1)}[]"
    if kind == "object":
        properties = _properties(schema, depth)
        return "\n".join(["{", *properties, "}"]) if properties else "object"
    return _PLAIN.get(kind, "any") if isinstance(kind, str) else "any"


def _comment(description: object) -> list[str]:
    return [f"// {line}" for line in description.split("\n")] if isinstance(description, str) and description else []
