"""Mistral, Cohere and Ollama as upstreams: what their errors mean, what they count, what a caller may set."""

import json
from typing import Any

import pytest

from extproc.dialects import cohere, mistral, ollama
from extproc.dialects.endpoints import ENDPOINTS
from extproc.dialects.losses import losses, unfit
from extproc.dialects.registry import side_of
from extproc.money import Usage
from extproc.translation.openai_openai import OpenAIToOpenAI
from extproc.translation.registry import pair_for

DETAIL = [
    {"type": "extra_forbidden", "loc": ["body", "messages", 0, "user", "name"], "msg": "No.", "input": "a prompt"}
]
SAID = "messages.0.user.name: No."


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (422, {"detail": DETAIL}, "invalid_request", SAID),
        (
            422,
            {"object": "error", "message": {"detail": DETAIL}, "type": "invalid_request_error"},
            "invalid_request",
            SAID,
        ),
        (422, {"object": "error", "message": json.dumps({"detail": DETAIL}), "code": "1000"}, "invalid_request", SAID),
        (422, {"object": "Error", "message": DETAIL, "detail": DETAIL}, "invalid_request", SAID),
        (
            400,
            {"object": "error", "message": "Invalid model: x", "type": "invalid_model", "code": "1500"},
            "not_found",
            "Invalid model: x",
        ),
        (400, {"message": "Too large for model with 32768 maximum context length"}, "context_length", None),
        (429, {"message": "Rate limit exceeded", "type": "rate_limited", "code": "1300"}, "rate_limit", None),
        (429, {"message": "Capacity exceeded", "type": "service_tier_capacity_exceeded"}, "rate_limit", None),
        (401, {"detail": "Unauthorized"}, "auth", "Unauthorized"),
        (403, {"message": "blocked by a guardrail"}, "content_policy", None),
        (503, {"error": {"message": "a proxy", "type": "x"}}, "overloaded", "a proxy"),
        (500, "<html>", "server_error", ""),
        (422, {"detail": [{"loc": "odd", "msg": 1}, 7]}, "invalid_request", None),
    ],
)
def test_mistrals_errors(status: int, body: Any, kind: str, message: str | None) -> None:
    error = mistral.read_error(status, {}, body.encode() if isinstance(body, str) else json.dumps(body).encode())
    assert (error.kind, error.status) == (kind, status)
    assert message is None or error.message == message
    assert "a prompt" not in error.message and error.code is None


@pytest.mark.parametrize(
    ("status", "body", "kind", "shown"),
    [
        (400, {"id": "x", "message": "too many tokens: size limit exceeded"}, "context_length", 400),
        (404, {"id": "x", "message": "model 'x' not found, make sure the correct model ID was used"}, "not_found", 404),
        (400, {"message": "Model x not found"}, "not_found", 404),
        (422, {"message": "invalid type"}, "invalid_request", 422),
        (498, {"message": "invalid api token"}, "auth", 502),
        (499, {"message": "request cancelled"}, "timeout", 504),
        (429, {"message": "trial limit"}, "rate_limit", 429),
        (501, {"message": "not implemented"}, "server_error", 501),
        (503, b"", "overloaded", 503),
    ],
)
def test_coheres_errors(status: int, body: Any, kind: str, shown: int) -> None:
    error = cohere.read_error(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())
    assert (error.kind, error.shown_status) == (kind, shown)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, {"error": 'model "x" not found, try pulling it first'}, "not_found"),
        (400, {"error": "x does not support tools"}, "invalid_request"),
        (400, {"error": "the input exceeds the context length"}, "context_length"),
        (503, {"error": "server busy, please try again. maximum pending requests exceeded"}, "overloaded"),
        (
            404,
            {"error": {"message": "model 'x' not found", "type": "api_error", "param": None, "code": None}},
            "not_found",
        ),
        (500, [], "server_error"),
    ],
)
def test_ollamas_errors(status: int, body: Any, kind: str) -> None:
    error = ollama.read_error(status, {}, json.dumps(body).encode())
    assert error.kind == kind
    assert not body or error.message


def test_what_each_counts() -> None:
    assert mistral.usage({"prompt_tokens": 9, "completion_tokens": 2, "num_cached_tokens": 4}) == Usage(9, 2, 4)
    assert mistral.usage(
        {"prompt_tokens": 9, "completion_tokens": 2, "prompt_token_details": {"cached_tokens": 99}}
    ) == Usage(9, 2, 9)
    assert cohere.usage({"billed_units": {"input_tokens": 7.0}}) is None
    assert cohere.usage({"tokens": {"input_tokens": 69.0, "output_tokens": 11.0}, "cached_tokens": 64.0}) == Usage(
        69, 11, 64
    )
    assert ollama.usage({"eval_count": 9}) == Usage(0, 9, estimated=True)
    assert ollama.usage({"prompt_eval_count": 0, "eval_count": 9}) == Usage(0, 9)
    assert ollama.usage({"done": True}) is None


@pytest.mark.parametrize(
    ("written", "fits"),
    [
        ("10m", True),
        ("24h", True),
        ("25h", False),
        ("-1", False),
        (300, True),
        (-1, False),
        (1e9, False),
        ("ever", False),
    ],
)
def test_a_model_is_not_kept_loaded_for_ever(written: object, fits: bool) -> None:
    assert ollama.is_keep_alive(written) is fits


def test_what_a_caller_may_set_of_ollamas_options() -> None:
    kept, lost = ollama.options({"num_ctx": 4096, "min_p": 0.1, "num_gpu": 1, "seed": None})
    assert kept == {"num_ctx": 4096, "min_p": 0.1}
    assert lost == {"options.num_gpu"}
    assert ollama.options("odd") == ({}, set())


def test_contents_that_cannot_be_taken_leave_the_target_out() -> None:
    every = frozenset({"messages.image", "messages.image_url", "messages.file", "messages.input_audio"})
    assert unfit("mistral", "m", every) == ()
    assert unfit("cohere", "m", every) == ("messages.file", "messages.input_audio")
    assert unfit("ollama", "m", every) == ("messages.file", "messages.image_url", "messages.input_audio")


def test_who_asks_is_no_loss_and_what_changes_the_answer_is() -> None:
    for dialect in ("mistral", "cohere", "ollama"):
        assert losses(dialect, "m", None, frozenset({"user", "store", "logit_bias"})) == ("logit_bias",)


def test_only_chat_is_said_in_their_own_words() -> None:
    """Everything else goes to the endpoints of OpenAI's shape, which Cohere's API has none of."""
    asked = {endpoint.name for endpoint in ENDPOINTS if not endpoint.ours and not endpoint.by_provider}
    files = {endpoint.name for endpoint in ENDPOINTS if endpoint.family == "files"}
    for dialect, more in (("mistral", files), ("ollama", set())):
        assert side_of(dialect, "m").endpoints == asked | more
        assert isinstance(pair_for("openai", dialect, "m", "embeddings"), OpenAIToOpenAI)
        assert not isinstance(pair_for("openai", dialect, "m", "chat"), OpenAIToOpenAI)
    assert side_of("cohere", "m").endpoints == {"chat", "prompt"}
    assert pair_for("openai", "cohere", "m", "embeddings") is None
