"""OpenAI's own shapes, written for the APIs that took them over; ids and log probabilities beside them."""

import pytest

from extproc.dialects.invented_ids import invented_id
from extproc.dialects.openai import shapes
from extproc.dialects.openai.chat import Image, Tool, ToolCall
from extproc.dialects.openai.token_logprobs import token_logprobs


def test_a_tool_without_parameters_takes_none() -> None:
    made = shapes.tool(Tool("clock", strict=True), "klok")
    assert made == {
        "type": "function",
        "function": {"name": "klok", "parameters": {"type": "object", "properties": {}}},
    }
    assert shapes.tool(Tool("clock", strict=True), strict=True)["function"]["strict"] is True


def test_an_image_is_a_link_or_a_data_url() -> None:
    assert shapes.image(Image(url="https://x/a.png", detail="low"))["image_url"] == {
        "url": "https://x/a.png",
        "detail": "low",
    }
    assert shapes.image(Image(media_type="image/png", data="aGk=", detail="odd"))["image_url"] == {
        "url": "data:image/png;base64,aGk="
    }


@pytest.mark.parametrize(
    ("written", "meant", "lost"),
    [
        ('{"a": 1}', {"a": 1}, False),
        ("", {}, False),
        (" \n", {}, False),
        ("null", {}, False),
        ("[1]", {}, True),
        ('{"a', {}, True),
    ],
)
def test_arguments_are_always_an_object(written: str, meant: object, lost: bool) -> None:
    assert shapes.arguments_of(ToolCall("c", "t", written)) == (meant, lost)


@pytest.mark.parametrize(
    ("told", "given"),
    [
        ({"a": "é"}, '{"a":"é"}'),
        ('{"a": 1}', '{"a": 1}'),
        ("", "{}"),
        (None, "{}"),
        ([1], "{}"),
        ("{broken", "{broken"),
    ],
)
def test_told_arguments_become_text(told: object, given: str) -> None:
    assert shapes.arguments_text(told) == given


def test_invented_ids_differ_by_exchange_choice_and_place_and_by_nothing_else() -> None:
    made = [invented_id(one, place, choice) for one in ("x", "y") for place in (0, 1) for choice in (0, 1)]
    assert len(set(made)) == 8
    assert made[0] == invented_id("x", 0)
    assert made[0].startswith("call_")


def test_log_probabilities_keep_what_openai_has_a_place_for() -> None:
    told = [
        {"token": "é", "logprob": -1, "token_id": 7, "top_logprobs": [{"token": "e", "logprob": -2.5, "bytes": [101]}]},
        {"token": "no number"},
        "no token",
    ]
    token = {"token": "é", "logprob": -1.0, "bytes": [195, 169]}
    top = {"token": "e", "logprob": -2.5, "bytes": [101]}
    assert token_logprobs(told) == {"content": [{**token, "top_logprobs": [top]}], "refusal": None}
    assert token_logprobs({"content": []}) is None
