"""Samples fit their schemas, and nothing makes the sampler crash or run away."""

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extproc.demo.reply import Problem
from extproc.demo.schema_sample import sample

TREE: dict[str, Any] = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
        }
    },
}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "me"),
        ({"type": "string", "minLength": 4}, "me.."),
        ({"type": "string", "maxLength": 1}, "m"),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"enum": ["b", "a"]}, "b"),
        ({"const": 7}, 7),
        ({"type": "integer", "minimum": 3, "maximum": 4}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "maximum": -2}, -3),
        ({"type": "integer", "minimum": 7, "multipleOf": 5}, 10),
        ({"type": "number", "minimum": 0, "maximum": 0.5}, 0.25),
        ({"type": ["null", "boolean"]}, True),
        ({"type": "array", "items": {"type": "null"}, "minItems": 2}, [None, None]),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]}, {"a": 1, "b": 2}),
        ({"properties": {"a": {"$ref": "#/definitions/x"}}, "definitions": {"x": {"const": 1}}}, {"a": 1}),
        ({}, "me"),
    ],
)
def test_fits(schema: dict[str, Any], expected: Any) -> None:
    assert sample(schema, "me") == expected


def test_a_recursive_schema_comes_to_an_end() -> None:
    assert sample(TREE, "x")["children"][0]["name"] == "x"
    endless = {"type": "object", "required": ["me"], "properties": {"me": {"$ref": "#"}}}
    assert "me" in sample(endless, "x")


def test_a_schema_that_asks_for_too_much_is_a_problem() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(6):
        schema = {"type": "array", "minItems": 100, "items": schema}
    with pytest.raises(Problem):
        sample(schema, "x")


KEYS = st.sampled_from(
    ["type", "enum", "anyOf", "allOf", "items", "properties", "minimum", "maximum", "minLength", "$ref", "const"]
)
VALUES = st.recursive(
    st.none() | st.integers(-5, 5) | st.sampled_from(["object", "array", "integer", "#/x", "#"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
@example({"allOf": [], "properties": [[None, None]]})  # pairs, of which a dict could be made
def test_a_malformed_schema_is_a_problem_and_no_crash(schema: dict[str, Any]) -> None:
    with contextlib.suppress(Problem):
        msgspec.json.encode(sample(schema, "x"))
