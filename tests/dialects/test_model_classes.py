"""Rough classes of models by their names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.model_classes import quality_class, speed_class, writes_code

BEST = [
    "gpt-4-turbo",
    "gpt-4o",
    "gpt-4",
    "gpt-5.1",
    "chatgpt-4o-latest",
    "o1",
    "o3-2025-04-16",
    "claude-3-opus-20240229",
    "claude-opus-4-5",
    "us.anthropic.claude-3-opus-20240229-v1:0",
    "gemini-1.5-pro-001",
    "gemini-pro",
    "gemini-ultra",
    "gemini-2.5-pro",
    "mistral-large-latest",
    "anthropic/claude-3-opus",
    "openai/gpt-4o:free",
    "meta-llama/llama-3.1-405b-instruct",
    "gpt-4.1",
]
MIDDLE = [
    "claude-3-sonnet-20240229",
    "claude-3-5-sonnet-latest",
    "meta.llama3-70b-instruct-v1:0",
    "mixtral-8x7b",
    "mistral-medium",
    "qwen3-235b-a22b",
    "some-deployment",
    "llama-3.3-70b-versatile",
    "text-bison@002",
    "code-bison@002",
]
SMALL = [
    "gpt-3.5-turbo",
    "gpt-35-turbo",
    "gpt-4o-mini",
    "gpt-5-nano",
    "gpt-4o-mini-2024-07-18",
    "ft:gpt-4o-mini-2024-07-18:acme::id",
    "claude-3-haiku-20240307",
    "claude-haiku-4-5",
    "gemini-1.5-flash",
    "gemini-1.5-flash-001",
    "gemini-2.5-flash-lite",
    "o4-mini",
    "llama3:8b",
    "llama-3.1-8b-instant",
    "meta.llama3-8b-instruct-v1:0",
    "qwen2.5-coder:1.5b",
    "mistral-small-latest",
    "amazon.nova-micro-v1:0",
    "google/gemma-2-9b-it",
    "gemini-2.0-flash-exp",
    "claude-instant-1.2",
    "phi3",
    "command-r",
]


@pytest.mark.parametrize(
    ("model", "expected"),
    [*((one, "best") for one in BEST), *((one, "middle") for one in MIDDLE), *((one, "small") for one in SMALL)],
)
def test_quality_by_name(model: str, expected: str) -> None:
    """The vendors' large models, their small ones, and all others."""
    assert quality_class(model) == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gemini-1.5-flash", "fast"),
        ("claude-3-haiku-20240307", "fast"),
        ("gpt-3.5-turbo", "fast"),
        ("gpt-4-turbo", "middle"),
        ("gemini-1.5-pro", "middle"),
        ("somebody-s", "middle"),
        ("o4-mini", "slow"),
        ("o1", "slow"),
        ("deepseek-reasoner", "slow"),
        ("claude-3-opus-20240229", "slow"),
    ],
)
def test_speed_by_name(model: str, expected: str) -> None:
    """Small models are fast, those that think first are slow."""
    assert speed_class(model) == expected


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("code-bison@002", True),
        ("codestral-latest", True),
        ("qwen2.5-coder:32b", True),
        ("deepseek-coder", True),
        ("gpt-5-codex", True),
        ("starcoder2:15b", True),
        ("gpt-4-turbo", False),
        ("text-encoder", False),
        ("chat-bison@002", False),
    ],
)
def test_models_that_are_made_for_code(model: str, code: bool) -> None:
    """As their names say."""
    assert writes_code(model) is code


@given(st.text(max_size=600))
def test_any_name_has_a_class(model: str) -> None:
    assert quality_class(model) in ("best", "middle", "small")
    assert speed_class(model) in ("fast", "middle", "slow")
    assert writes_code(model) in (True, False)
