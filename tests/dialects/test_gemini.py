"""Google's errors, ends and counts, read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.error_classes import classify_error
from extproc.dialects.gemini import broken, finish_of, read_error, usage_of
from extproc.dialects.gemini_response import read_response
from extproc.dialects.upstream_error import UpstreamError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


def told(status: int, name: str, message: str = "No.", details: Any = None, **more: Any) -> UpstreamError:
    error = {"code": status, "message": message, "status": name, "details": details or []}
    return read_error(status, {}, json.dumps({"error": {**error, **more}}).encode())


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "INVALID_ARGUMENT", "invalid_request"),
        (400, "FAILED_PRECONDITION", "invalid_request"),
        (401, "UNAUTHENTICATED", "auth"),
        (403, "PERMISSION_DENIED", "auth"),
        (404, "NOT_FOUND", "not_found"),
        (429, "RESOURCE_EXHAUSTED", "rate_limit"),
        (500, "INTERNAL", "server_error"),
        (503, "UNAVAILABLE", "overloaded"),
        (504, "DEADLINE_EXCEEDED", "timeout"),
        (499, "CANCELLED", "server_error"),
        (418, "NEVER_HEARD", "invalid_request"),
    ],
)
def test_the_class_is_what_google_calls_it(status: int, name: str, kind: str) -> None:
    found = told(status, name)
    assert (found.kind, found.message, found.status, found.code) == (kind, "No.", status, name)


@pytest.mark.parametrize(
    ("message", "reason", "kind"),
    [
        ("API key not valid. Please pass a valid API key.", "API_KEY_INVALID", "auth"),
        ("API key expired. Please renew the API key.", "", "auth"),
        ("This API method requires billing to be enabled.", "", "billing"),
        ("Project #1", "BILLING_DISABLED", "billing"),
        (
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            "",
            "context_length",
        ),
        ("The prompt contains sensitive words that violate Google's Responsible AI practices.", "", "content_policy"),
        ("Request was blocked due to safety filters.", "", "content_policy"),
        ("Invalid value at 'safety_settings[0].category'", "", "invalid_request"),
        ("max_output_tokens must be in the supported range", "", "invalid_request"),
    ],
)
def test_a_bad_request_may_be_another_thing(message: str, reason: str, kind: str) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]
    assert told(400, "INVALID_ARGUMENT", message, details).kind == kind


def test_a_quota_is_a_rate_though_its_message_speaks_of_billing() -> None:
    found = told(
        429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."
    )
    assert found.kind == "rate_limit"


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("12s", 12), ("34.074824224s", 35), ("0s", 0), ({"seconds": 7}, 7), ("soon", None), (-3, None), (None, None)],
)
def test_retry_info_is_retry_after(delay: Any, seconds: int | None) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
    assert told(429, "RESOURCE_EXHAUSTED", details=details).retry_after == seconds


def test_the_wrong_field_is_the_param() -> None:
    details = [{"fieldViolations": [{"field": "generation_config.top_k", "description": "No."}]}]
    assert told(400, "INVALID_ARGUMENT", details=details).param == "generation_config.top_k"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'[{"error":{"code":503,"message":"Busy.","status":"UNAVAILABLE"}}]', "Busy."),
        (b'{"error":"Busy."}', "Busy."),
        (b"<html>503</html>", "The provider gave no reason."),
        (b"", "The provider gave no reason."),
        (b"[]", "The provider gave no reason."),
        (b'{"error":{"message":7,"details":{"a":1}}}', "The provider gave no reason."),
    ],
)
def test_any_body_has_a_class_and_a_message(body: bytes, message: str) -> None:
    found = read_error(503, {}, body)
    assert (found.kind, found.shown_message) == ("overloaded", message)


@pytest.mark.parametrize(("dialect", "model"), [("gemini", "gemini-2.5-pro"), ("vertex", "gemini-2.5-pro")])
def test_both_of_googles_dialects_are_read_so(dialect: str, model: str) -> None:
    body = b'{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}'
    assert classify_error(dialect, model, 400, {}, body) == "auth"


FILTERED = [
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_OTHER",
]
BROKEN = [
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE",
    "MALFORMED_RESPONSE",
    "OTHER",
    "NO_IMAGE",
]


def test_every_end_has_its_word() -> None:
    assert {finish_of(reason) for reason in FILTERED} == {"content_filter"}
    assert [finish_of(reason) for reason in ("STOP", "MAX_TOKENS", "NEVER_HEARD", "")] == [
        "stop",
        "length",
        "stop",
        "stop",
    ]
    assert all(reason in (broken(reason) or "") for reason in BROKEN)
    assert not any(broken(reason) for reason in [*FILTERED, "STOP", "MAX_TOKENS", ""])


def test_counts_that_make_no_sense_count_nothing() -> None:
    assert usage_of({"promptTokenCount": "8"}) is None
    assert usage_of({}) is None
    found = usage_of({"promptTokenCount": 8, "candidatesTokenCount": -1, "cachedContentTokenCount": 99})
    assert found is not None
    assert (found.input, found.output, found.cached_input) == (8, 0, 8)


@given(JSON, st.sampled_from(["candidates", "usageMetadata", "promptFeedback", "error", "modelVersion"]))
def test_nonsense_is_no_error(value: Any, key: str) -> None:
    response = read_response({key: value})
    assert response.error is None or response.error.kind
    part = {
        "candidates": [{"content": {"parts": [value, {"functionCall": value}, {"inlineData": value}]}, "index": value}]
    }
    assert len(read_response(part).candidates) == 1
    assert read_error(400, {}, json.dumps({"error": value}).encode()).kind
