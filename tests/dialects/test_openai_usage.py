"""Usage of OpenAI-shaped answers, shape by shape, and junk."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.openai.usage import find_usage, read_usage
from extproc.money import Usage

SHAPES = [
    ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}, Usage(9, 4)),
    (
        {
            "prompt_tokens": 90,
            "completion_tokens": 40,
            "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 30},
        },
        Usage(90, 40, cached_input=64, reasoning=30),
    ),
    ({"prompt_tokens": 8, "total_tokens": 8}, Usage(8, 0)),
    (
        {
            "input_tokens": 36,
            "input_tokens_details": {"cached_tokens": 6, "cache_write_tokens": 5},
            "output_tokens": 87,
            "output_tokens_details": {"reasoning_tokens": 7},
            "total_tokens": 123,
        },
        Usage(36, 87, cached_input=6, cache_write=5, reasoning=7),
    ),
    (
        {
            "prompt_tokens": 20,
            "completion_tokens": 1,
            "prompt_cache_hit_tokens": 12,
            "prompt_cache_miss_tokens": 8,
        },
        Usage(20, 1, cached_input=12),
    ),
    (
        {
            "prompt_tokens": 200,
            "prompt_tokens_details": {
                "cached_tokens": 64,
                "text_tokens": 20,
                "audio_tokens": 150,
                "image_tokens": 30,
                "cached_tokens_details": {"text_tokens": 4, "audio_tokens": 60},
            },
            "completion_tokens": 90,
            "completion_tokens_details": {"reasoning_tokens": 0, "text_tokens": 20, "audio_tokens": 70},
        },
        Usage(200, 90, cached_input=64, audio_input=150, cached_audio=60, image_input=30, audio_output=70),
    ),
    (
        {
            "input_tokens": 50,
            "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
            "output_tokens": 1056,
            "output_tokens_details": {"image_tokens": 1056, "text_tokens": 0},
        },
        Usage(50, 1056, image_input=40, image_output=1056),
    ),
    ({"prompt_tokens": 5, "service_tier": "batch"}, Usage(5, tier="batch")),
    ({"prompt_tokens": 5, "prompt_tokens_details": {"audio_tokens": 9, "image_tokens": 9}}, Usage(5, audio_input=5)),
    ({"prompt_tokens": 5, "completion_tokens": 2, "cost": 0.5, "is_byok": False}, Usage(5, 2)),
    ({"prompt_tokens": 5.0, "completion_tokens": 2.0, "prompt_tokens_details": None}, Usage(5, 2)),
    ({"total_tokens": 7}, Usage(7, 0)),
    ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 50}}, Usage(5, 0, cached_input=5)),
    ({"prompt_tokens": -1, "completion_tokens": True, "total_tokens": "9"}, None),
    ({"prompt_tokens": None}, None),
    ({}, None),
]


@pytest.mark.parametrize(("told", "usage"), SHAPES)
def test_each_shape_gives_its_tokens(told: dict[str, object], usage: Usage | None) -> None:
    """Chat, embeddings, responses, images, DeepSeek, OpenRouter, floats, sums, nonsense."""
    text = json.dumps(told)
    assert read_usage(text) == usage
    assert read_usage(f'"usage": {text}') == usage
    assert find_usage(json.dumps({"id": "x", "usage": told}).encode()) == usage
    assert find_usage(json.dumps({"type": "response.completed", "response": {"usage": told}}).encode()) == usage
    assert find_usage(json.dumps({"choices": [], "x_groq": {"usage": told}}).encode()) == usage


@pytest.mark.parametrize(
    ("told", "tier"),
    [("flex", "flex"), ("priority", "priority"), ("default", "standard"), (None, "standard"), (7, "standard")],
)
def test_the_tier_stands_beside_the_usage(told: object, tier: str) -> None:
    """In an answer, in a chunk of a stream, and in an event of /v1/responses."""
    answer = {"service_tier": told, "usage": {"prompt_tokens": 3}}
    for holder in (answer, {"type": "response.completed", "response": answer}):
        found = find_usage(json.dumps(holder).encode())
        assert found is not None and (found.input, found.tier) == (3, tier)


@given(st.text() | st.binary())
def test_junk_gives_none_and_no_error(junk: str | bytes) -> None:
    assert read_usage(junk) is None
    assert find_usage(b'"usage"' + (junk.encode() if isinstance(junk, str) else junk)) is None


@pytest.mark.parametrize(
    "text", ['{"prompt_tokens": 5', '"usage":', '"usage":{"prompt_tokens":5', "[" * 99999, "1e999"]
)
def test_a_cut_text_gives_none(text: str) -> None:
    """The answer filter keeps only so many bytes of it."""
    assert read_usage(text) is None
