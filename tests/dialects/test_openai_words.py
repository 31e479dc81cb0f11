"""Errors and lists of models in the OpenAI dialect."""

import json

import pytest

from extproc.dialects.openai.answer import ModelName, model_list, model_object
from extproc.dialects.openai.errors import error_body, error_event, is_error_event
from extproc.dialects.sse import Decoder
from extproc.refusal import Reason, Refusal

REFUSAL = Refusal(Reason.MODEL_NOT_FOUND, "no model `x`", param="model")


def test_an_error_has_the_four_members_that_sdks_read() -> None:
    assert json.loads(error_body(REFUSAL)) == {
        "error": {
            "message": "no model `x`",
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }
    }


@pytest.mark.parametrize("endpoint", ["chat", "completions", "responses"])
def test_our_error_events_are_known_as_errors(endpoint: str) -> None:
    """What we write in a stream is what we would recognise."""
    (event,) = Decoder().feed(error_event(REFUSAL, endpoint))
    assert is_error_event(event)


@pytest.mark.parametrize(
    ("text", "is_error"),
    [
        (b'data: {"error":{"message":"overloaded","code":502},"choices":[{"finish_reason":"error"}]}\n\n', True),
        (b'event: error\ndata: {"error":{"message":"x"}}\n\n', True),
        (b'event: error\ndata: {"type":"error","code":"x"}\n\n', True),
        (b'data: {"type":"response.failed","response":{"error":{}}}\n\n', True),
        (b'data: {"object":"error","message":"x","type":"invalid","code":"3280"}\n\n', True),
        (b'data: {"error":"model crashed"}\n\n', True),
        (b'data: {"choices":[{"delta":{"content":"an \\"error\\""}}]}\n\n', False),
        (b'data: {"choices":[],"error":null}\n\n', False),
        (b'data: {"type":"response.created","response":{"error":null}}\n\n', False),
        (b"data: [DONE]\n\n", False),
        (b"data: {junk\n\n", False),
        (b": comment\n\n", False),
    ],
)
def test_an_error_event_is_told_from_a_chunk(text: bytes, is_error: bool) -> None:
    """Errors that came after a 200, of several vendors, and what only looks like one."""
    (event,) = Decoder().feed(text)
    assert is_error_event(event) is is_error


def test_the_list_of_models_is_what_sdks_read() -> None:
    names = [ModelName("gpt-4o", "openai"), ModelName("smart", "extproc")]
    assert json.loads(model_list(names)) == {
        "object": "list",
        "data": [
            {"id": "gpt-4o", "object": "model", "created": 0, "owned_by": "openai"},
            {"id": "smart", "object": "model", "created": 0, "owned_by": "extproc"},
        ],
    }
    assert json.loads(model_object(names[0]))["id"] == "gpt-4o"
