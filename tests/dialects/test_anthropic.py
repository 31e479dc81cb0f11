"""Anthropic's errors and counts, read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.anthropic import finish_of, read_error, usage_of
from extproc.money import LARGEST, Usage


def body(kind: str, message: str = "Said.") -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "expected", "shown"),
    [
        (400, "invalid_request_error", "invalid_request", 400),
        (401, "authentication_error", "auth", 502),
        (402, "billing_error", "billing", 502),
        (403, "permission_error", "auth", 502),
        (403, "api_error", "auth", 502),
        (404, "not_found_error", "not_found", 404),
        (413, "request_too_large", "invalid_request", 413),
        (429, "rate_limit_error", "rate_limit", 429),
        (500, "api_error", "server_error", 500),
        (504, "timeout_error", "timeout", 504),
        (529, "overloaded_error", "overloaded", 503),
        (529, "of_tomorrow", "overloaded", 503),
        (418, "of_tomorrow", "invalid_request", 418),
    ],
)
def test_each_type_has_its_class(status: int, kind: str, expected: str, shown: int) -> None:
    error = read_error(status, {}, body(kind))
    assert (error.kind, error.message, error.status) == (expected, "Said.", status)
    assert error.shown_status == shown


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("prompt is too long: 210000 tokens > 200000 maximum", "context_length"),
        ("input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000", "context_length"),
        ("Output blocked by content filtering policy", "content_policy"),
        ("Your credit balance is too low to access the Anthropic API.", "billing"),
        ("max_tokens: Field required", "invalid_request"),
    ],
)
def test_a_plain_400_is_what_its_message_says(message: str, expected: str) -> None:
    assert read_error(400, {}, body("invalid_request_error", message)).kind == expected


def test_googles_own_errors_on_vertex() -> None:
    error = {"error": {"code": 403, "message": "Permission denied.", "status": "PERMISSION_DENIED"}}
    assert read_error(403, {}, json.dumps(error).encode()).kind == "auth"
    exhausted = [{"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED"}}]
    assert read_error(429, {}, json.dumps(exhausted).encode()).kind == "rate_limit"


@pytest.mark.parametrize("told", [b"", b"<html>", b"[]", b"null", b'{"error": "down"}', b'{"error": {"type": []}}'])
def test_what_is_no_error_has_the_class_of_its_status(told: bytes) -> None:
    assert read_error(503, {}, told).kind == "overloaded"


def test_a_call_that_no_caller_sees_is_no_call() -> None:
    assert finish_of("tool_use", has_calls=False) == "stop"
    assert finish_of("tool_use", has_calls=True) == "tool_calls"
    assert finish_of(["tool_use"], has_calls=True) == "stop"


def test_writes_to_the_cache_are_told_by_how_long_they_stay() -> None:
    told = {"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 30}
    assert usage_of(told) == Usage(input=31, output=2, cache_write=30)
    split = {"cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}}
    assert usage_of({**told, **split}) == Usage(input=31, output=2, cache_write=10, cache_write_1h=20)


NUMBERS = st.one_of(st.integers(), st.floats(), st.none(), st.text(max_size=2), st.booleans())


@given(
    st.dictionaries(
        st.sampled_from(["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]),
        NUMBERS,
    ),
    st.one_of(st.none(), st.dictionaries(st.sampled_from(["ephemeral_1h_input_tokens"]), NUMBERS)),
)
def test_nonsense_counts_as_nothing(told: dict[str, Any], split: Any) -> None:
    usage = usage_of({**told, "cache_creation": split})
    assert usage is None or all(0 <= count < LARGEST for count in usage.counts().values())


@pytest.mark.parametrize(
    ("status", "kind"), [(500, "server_error"), (503, "overloaded"), (504, "timeout"), (529, "overloaded")]
)
def test_an_error_that_only_says_that_it_is_one_is_classed_by_its_status(status: int, kind: str) -> None:
    body = b'{"type": "error", "error": {"type": "api_error", "message": "Internal server error"}}'
    assert read_error(status, {}, body).kind == kind
