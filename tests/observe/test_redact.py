"""One door, and what does not come through it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.observe.printable import printable
from extproc.observe.redact import redact, redact_error

SECRETS = [
    ("Incorrect API key provided: sk-proj-AbCdEf0123456789.", "Incorrect API key provided: ***"),
    ("authorization: Bearer abc.def-ghi_jkl", "authorization: Bearer ***"),
    ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
    ("GET /v1?key=AIzaSyA1234567890abcdefgh&alt=sse", "GET /v1?key=***&alt=sse"),
    ('{"api_key": "whatever1", "x": 1}', '{"api_key": "***", "x": 1}'),
    ("x-api-key=verysecret; next", "x-api-key=***; next"),
    ("redis://user:hunter2@cache:6379/0", "redis://***@cache:6379/0"),
    ("password = hunter2", "password = ***"),
    ("aws_session_token=FwoGZXIvYXdz", "aws_session_token=***"),
    ("using AKIAIOSFODNN7EXAMPLE now", "using *** now"),
    ("id eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def ok", "id *** ok"),
    ("token gsk_abcdefghijklmnop", "token ***"),
    ("-----BEGIN PRIVATE KEY-----\nMIIE\nabc\n-----END PRIVATE KEY-----", "***"),
    ("Cookie: session=abc", "Cookie: ***"),
]


@pytest.mark.parametrize(("text", "masked"), SECRETS)
def test_a_credential_is_masked_and_its_name_stays(text: str, masked: str) -> None:
    """People can still read what it was about."""
    assert redact(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "lab/small answered 200 in 45 ms",
        "no such model: gpt-4o-mini",
        "upstream_reset_before_response_started{remote_connection_failure}",
        "100 tokens, 20 of them cached",
        "the key of a provider is a name",
        "openrouter/anthropic/claude-3.5",
        "http://127.0.0.1:8080/v1/chat/completions?x=1",
        "task-list is empty, disk-full",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """A log that masks everything helps nobody."""
    assert redact(text) == text


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_key_is_masked_wherever_it_stands(before: str, behind: str) -> None:
    """Whatever stands around it."""
    key = "sk-proj-T3BlbkFJQwErTyUiOpAsDfGh"
    assert "T3BlbkFJ" not in redact(f"{before} {key} {behind}")


@pytest.mark.parametrize("piece", ["-", "key", "a-", "=", "token_", "Bearer ", "eyJ", "://a:", "-----BEGIN ", " \t"])
def test_a_long_text_costs_no_more_than_its_length(piece: str) -> None:
    """No pattern goes over the same text again and again."""
    began = time.process_time()
    redact(piece * (40_000 // len(piece)))
    assert time.process_time() - began < 2.0


def test_an_error_is_one_line_without_secrets() -> None:
    """Its kind stays."""
    assert redact_error(ValueError("bad key sk-abcdefgh12345")) == "ValueError: bad key ***"
    assert redact_error(KeyError()) == "KeyError"


@given(st.text(st.characters(), max_size=300), st.integers(2, 50))
def test_printable_text_is_short_and_tame(text: str, limit: int) -> None:
    """Nothing breaks a line, moves a cursor or goes over the limit."""
    out = printable(text, limit)
    assert out.isprintable() and len(out) <= limit
    if text.isprintable() and len(text) <= limit:
        assert out == text
