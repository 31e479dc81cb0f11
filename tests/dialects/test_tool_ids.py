"""Ids and names where charset and length are bounded."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.tool_ids import BEDROCK_ID, GEMINI_NAME, MISTRAL_ID, WORD, Shape, fitted, tool_names

PATTERNS = {
    WORD: r"[a-zA-Z0-9_-]{1,64}",
    BEDROCK_ID: r"[a-zA-Z0-9_.:-]{1,64}",
    MISTRAL_ID: r"[a-zA-Z0-9]{9}",
    GEMINI_NAME: r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}",
}
SHAPES = st.sampled_from(list(PATTERNS))


@given(st.text(), SHAPES)
def test_everything_fits_and_what_fits_stays(word: str, shape: Shape) -> None:
    made = fitted(word, shape)
    assert re.fullmatch(PATTERNS[shape], made)
    assert fitted(made, shape) == made


@given(st.text(max_size=80), st.text(max_size=80), SHAPES)
def test_what_differs_stays_different(one: str, other: str, shape: Shape) -> None:
    assert (fitted(one, shape) == fitted(other, shape)) == (one == other)


@pytest.mark.parametrize("shape", [WORD, BEDROCK_ID])
def test_usual_ids_are_not_touched(shape: Shape) -> None:
    for id_ in ("call_abc123", "toolu_01A09q90qw90lq917835lq9", "chatcmpl-tool-9"):
        assert fitted(id_, shape) == id_


def test_names_come_back_as_the_caller_knows_them() -> None:
    names = tool_names(["get_weather", "wetter.in/köln"], WORD)
    assert names.told("get_weather") == "get_weather"
    told = names.told("wetter.in/köln")
    assert told != "wetter.in/köln"
    assert names.meant(told) == "wetter.in/köln"
    assert names.meant("a_name_of_the_models_own") == "a_name_of_the_models_own"
