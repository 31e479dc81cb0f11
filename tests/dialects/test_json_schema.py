"""Schemas for providers that know a part of the language."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.json_schema import for_gemini, for_grammar, for_tool_input, inlined


def test_a_bound_moves_into_the_description() -> None:
    made = for_grammar({"type": "integer", "description": "Age", "minimum": 0, "maximum": 9})
    assert made.schema == {"type": "integer", "description": "Age (minimum: 0, maximum: 9)"}
    assert made.moved == ("maximum", "minimum")


def test_objects_are_closed_everywhere() -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True}
    made = for_grammar({"type": "array", "items": inner, "$defs": {"x": {"type": "object"}}})
    assert made.schema["items"]["additionalProperties"] is False
    assert made.schema["$defs"]["x"] == {"type": "object", "additionalProperties": False, "properties": {}}
    assert inner["additionalProperties"] is True


def test_formats_lists_and_choices_of_a_grammar() -> None:
    made = for_grammar(
        {
            "oneOf": [
                {"type": "string", "format": "date"},
                {"type": "string", "format": "phone"},
                {"type": "array", "items": {}, "minItems": 1},
                {"type": "array", "items": {}, "minItems": 2},
            ]
        }
    )
    assert made.schema["anyOf"] == [
        {"type": "string", "format": "date"},
        {"type": "string", "description": '(format: "phone")'},
        {"type": "array", "items": {}, "minItems": 1},
        {"type": "array", "items": {}, "description": "(minItems: 2)"},
    ]
    assert made.moved == ("format", "minItems")


def test_a_property_may_be_called_like_a_keyword() -> None:
    made = for_grammar({"type": "object", "properties": {"pattern": {"type": "string"}, "minimum": {"type": "number"}}})
    assert set(made.schema["properties"]) == {"pattern", "minimum"}
    assert made.moved == ()


def test_a_tools_input_is_one_object() -> None:
    assert for_tool_input(None).schema == {"type": "object", "properties": {}}
    made = for_tool_input({"oneOf": [{"required": ["a"]}], "properties": {"a": {}}})
    assert made.schema == {
        "type": "object",
        "properties": {"a": {}},
        "description": '(oneOf: [{"required":["a"]}])',
    }
    assert made.moved == ("oneOf",)


def test_references_are_written_out() -> None:
    made = inlined(
        {
            "properties": {"one": {"$ref": "#/$defs/item", "description": "d"}, "far": {"$ref": "http://x/y"}},
            "$defs": {"item": {"type": "string"}},
        }
    )
    assert made.schema == {"properties": {"one": {"type": "string", "description": "d"}, "far": {"type": "object"}}}
    assert made.moved == ("$ref",)


def test_a_reference_to_itself_ends() -> None:
    tree = {"$ref": "#/$defs/node", "$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}}}}
    assert inlined(tree).schema == {"properties": {"next": {"type": "object"}}}


def test_references_that_double_are_bounded() -> None:
    names = [f"d{number}" for number in range(40)]
    defs: dict[str, Any] = {
        name: {"anyOf": [{"$ref": f"#/$defs/{after}"}, {"$ref": f"#/$defs/{after}"}]} for name, after in pairwise(names)
    }
    made = inlined({"$ref": "#/$defs/d0", "$defs": {**defs, "d39": {"type": "null"}}})
    assert "nesting" in made.moved


def test_gemini_is_told_in_words_what_it_would_ignore() -> None:
    made = for_gemini(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "kind": {"const": "a"},
                "name": {"type": ["string", "null"], "pattern": "^x", "description": "Whose."},
                "may": {"type": ["string", "null"], "enum": ["x", None], "description": "Perhaps."},
                "flag": {"enum": [True, False]},
                "leaf": {"$ref": "#/$defs/leaf", "description": "One.", "minLength": 3},
            },
            "$defs": {"leaf": {"type": "integer", "exclusiveMinimum": 0, "maximum": 9}},
        }
    )
    assert made.schema == {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "kind": {"enum": ["a"]},
            "name": {"type": ["string", "null"], "description": 'Whose. (pattern: "^x")'},
            "may": {
                "description": "Perhaps.",
                "anyOf": [{"type": ["string"], "enum": ["x"]}, {"type": "null"}],
            },
            "flag": {"description": "(enum: [true,false])"},
            "leaf": {"$ref": "#/$defs/leaf"},
        },
        "$defs": {"leaf": {"type": "integer", "maximum": 9, "description": "(exclusiveMinimum: 0)"}},
    }
    assert made.moved == ("enum", "exclusiveMinimum", "minLength", "pattern")


def test_gemini_knows_definitions_by_their_newer_name_only() -> None:
    made = for_gemini({"items": {"$ref": "#/definitions/x"}, "definitions": {"x": {"type": "string"}}})
    assert made.schema == {"items": {"type": "string"}}


KEYS = st.sampled_from(
    [
        "type",
        "properties",
        "items",
        "anyOf",
        "oneOf",
        "enum",
        "const",
        "$ref",
        "$defs",
        "format",
        "additionalProperties",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["object", "#/$defs/x", "#"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(KEYS, JSON, max_size=5))
def test_nonsense_is_no_error(schema: dict[str, Any]) -> None:
    before = repr(schema)
    assert isinstance(for_grammar(schema).schema, dict)
    assert isinstance(for_gemini(schema).schema, dict)
    assert repr(schema) == before


def test_depth_is_bounded() -> None:
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"items": deep}
    assert for_grammar(deep).moved == ("nesting",)
    assert "nesting" in for_gemini(deep).moved
