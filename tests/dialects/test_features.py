"""What a chat asks for: the same set at the router, where bodies stay bytes, and at an attempt, where they are read."""

import json
from typing import Any

import pytest

from extproc.dialects import losses
from extproc.dialects.openai import features
from extproc.dialects.openai.chat_reading import read_chat
from extproc.dialects.openai.request import read_request
from extproc.snapshot import Model


def asked(**fields: Any) -> frozenset[str]:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}).encode()
    found = read_request("chat", body).features
    assert read_chat(body).asked == found
    return found


@pytest.mark.parametrize(
    "nothing",
    [
        {},
        {"n": 1},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"logprobs": False, "tools": [], "stop": None},
        {"parallel_tool_calls": True, "tool_choice": "auto"},
        {"tool_choice": "none", "reasoning_effort": "none"},
        {"response_format": {"type": "text"}},
        {"team": "blue", "task_type": "x", "provider": "lab"},
        {"service_tier": "auto", "frequency_penalty": 0, "temperature": 1, "top_p": 1.0},
    ],
)
def test_what_says_nothing_is_no_feature(nothing: dict[str, Any]) -> None:
    assert asked(**nothing) == frozenset()


def test_what_says_something_is_one() -> None:
    assert asked(n=2, seed=0, parallel_tool_calls=False, temperature=0, max_tokens=5) == {
        "n", "seed", "parallel_tool_calls", "temperature", "max_tokens", "max_completion_tokens"
    }  # fmt: skip
    assert asked(tool_choice="required", guardrailConfig={"id": 1}) == {"tool_choice", "guardrailConfig"}


def content(*parts: dict[str, Any]) -> frozenset[str]:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": list(parts)}]}).encode()
    return read_request("chat", body).features


LINK = {"type": "image_url", "image_url": {"url": "https://x/a.png"}}
DATA = {"type": "image_url", "image_url": {"detail": "low", "url": "data:image/png;base64,aGk="}}


def test_contents_count_by_their_kind() -> None:
    assert content(LINK) == {features.IMAGE_LINK}
    assert content(DATA) == {features.IMAGE}
    assert content(LINK, DATA) == {features.IMAGE_LINK, features.IMAGE}
    assert content({"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}) == {features.AUDIO}
    assert content({"type": "file", "file": {"file_id": "x"}}) == {features.FILE}
    assert content({"type": "text", "text": '"type": "input_audio"'}) == frozenset()


def test_a_flood_of_fields_is_bounded() -> None:
    assert len(asked(**{f"field{index}": 1 for index in range(500)})) == features.MOST


def test_an_api_of_the_callers_own_shape_loses_nothing() -> None:
    assert losses.losses("openai", "gpt-4o", None, frozenset({"seed", "temperature", "anything"})) == ()
    assert losses.losses("openrouter", "o3", None, frozenset({"temperature"})) == ()


def test_openais_other_models_refuse_to_think_and_unknown_ones_are_asked() -> None:
    asked = frozenset({"reasoning_effort"})
    assert losses.losses("openai", "gpt-4o", None, asked) == ("reasoning_effort",)
    assert losses.losses("openai", "gpt-4-turbo", None, asked) == ("reasoning_effort",)
    assert losses.losses("openai", "o3", None, asked) == ()
    assert losses.losses("openai", "my-own-model", None, asked) == ()


def test_openais_thinking_models_refuse_to_be_sampled() -> None:
    asked = frozenset({"temperature", "seed", "max_tokens", "max_completion_tokens"})
    assert losses.losses("openai", "o3", None, asked) == ("temperature",)
    deployed = Model("gpt-5", upstream="my-deployment")
    assert losses.losses("azure_openai", "my-deployment", deployed, asked) == ("temperature",)
    assert losses.unfit("openrouter", "x", features.CONTENTS) == ()
