"""A record of an attempt, as Envoy writes it, against the kind that it stands for."""

from typing import Any

import pytest

from extproc.outcome.classify import classify, client_left, cut, last_attempt, retry_after
from tests.outcome.samples import SMALL, START, attempt, exchange

CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("an answer is ok", {"status": 200}, "ok", ""),
    ("a redirect is ok", {"status": 302}, "ok", ""),
    (
        "a refused connection fails",
        {"status": 0, "flags": ["upstream_connection_failure"]},
        "failure",
        "connect_failure",
    ),
    (
        "silence before the first byte fails",
        {"status": 0, "flags": ["upstream_request_timeout"]},
        "failure",
        "first_byte_timeout",
    ),
    ("a reset before the answer fails", {"status": 0, "flags": ["upstream_remote_reset"]}, "failure", "reset"),
    (
        "a close before the answer fails",
        {"status": 0, "flags": ["upstream_connection_termination"]},
        "failure",
        "reset",
    ),
    ("garbage before the answer fails", {"status": 0, "flags": ["upstream_protocol_error"]}, "failure", "reset"),
    ("a local reset before the answer fails", {"status": 0, "flags": ["local_reset"]}, "failure", "reset"),
    ("an answer cut in the middle fails", {"status": 200, "flags": ["upstream_protocol_error"]}, "failure", "cut"),
    ("an answer reset in the middle fails", {"status": 200, "flags": ["upstream_remote_reset"]}, "failure", "cut"),
    ("an answer that stalls fails", {"status": 200, "flags": ["stream_idle_timeout"]}, "failure", "cut"),
    ("a WebSocket's end is no reset", {"status": 101, "flags": ["upstream_connection_termination"]}, "ok", ""),
    ("nor is its caller's leaving", {"status": 101, "flags": ["downstream_connection_termination"]}, "ok", ""),
    ("500 fails", {"status": 500}, "failure", "upstream_5xx"),
    ("503 fails", {"status": 503}, "failure", "upstream_5xx"),
    ("529 fails", {"status": 529}, "failure", "upstream_5xx"),
    ("429 is a limit, no failure", {"status": 429}, "rate_limited", "rate_limited"),
    ("400 is the caller's", {"status": 400}, "caller_error", "caller_error"),
    ("401 is a no to our key", {"status": 401}, "caller_error", "upstream_auth"),
    ("409 counts for nothing though it is retried", {"status": 409}, "caller_error", "caller_error"),
    (
        "a client that left proves nothing",
        {"status": 0, "flags": ["downstream_connection_termination"]},
        "cancelled",
        "client_left",
    ),
    (
        "a client that left a stream proves nothing",
        {"status": 200, "flags": ["downstream_remote_reset"]},
        "cancelled",
        "client_left",
    ),
    ("no answer and no flag proves nothing", {"status": 0}, "cancelled", "no_answer"),
    ("our own overflow is not the target's", {"status": 0, "flags": ["upstream_overflow"]}, "cancelled", "overflow"),
    (
        "a cluster that Envoy lacks is not the target's",
        {"status": 0, "flags": ["no_cluster_found"]},
        "cancelled",
        "no_cluster",
    ),
    (
        "an answer of our own filter is not the target's",
        {"status": 503, "first_upstream_byte": None},
        "cancelled",
        "local_reply",
    ),
    (
        "the sink's door is no host",
        {"status": 0, "flags": ["upstream_connection_failure"], "remote_address": "127.0.0.1:0"},
        "sink",
        "no_host",
    ),
    (
        "no healthy host is no host",
        {"status": 0, "flags": ["no_healthy_upstream"], "remote_address": ""},
        "sink",
        "no_host",
    ),
    ("a name that does not resolve is no host", {"status": 0, "flags": ["dns_resolution_failure"]}, "sink", "no_host"),
    (
        "a client that left after a failure proves nothing",
        {"status": 0, "flags": ["upstream_remote_reset", "downstream_connection_termination"]},
        "cancelled",
        "client_left",
    ),
]


@pytest.mark.parametrize(("law", "record", "kind", "why"), CASES, ids=[case[0] for case in CASES])
def test_what_became_of_an_attempt(law: str, record: dict[str, Any], kind: str, why: str) -> None:
    """Each of Envoy's ways to say how an attempt ended has one meaning."""
    result = classify(attempt(**record), SMALL, 1)
    assert (result.kind, result.why) == (kind, why), law


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Sat, 21 Nov 2026 09:55:10 GMT"}, 1795254910 - START - 0.25),
        ({"retry-after": "Sat, 21 Nov 2026 09:55:10"}, 1795254910 - START - 0.25),
        ({"retry-after": "Sat, 21 Nov 2020 09:55:10 GMT"}, 0.0),
        ({"retry-after": "99999999999"}, 86_400.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "1" * 400}, None),
        ({"retry-after": "Sat, 99 Nov 99999 09:55:10 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    """A number, a date against the end of the attempt, or nothing; never something absurd."""
    assert retry_after(attempt(status=429, response_headers=headers)) == seconds


def test_rate_limit_headers_are_kept_and_no_others() -> None:
    """What a provider says of its limits stays with the result."""
    headers = {"x-ratelimit-remaining-tokens": "5", "retry-after": "7", "set-cookie": "a=b", "content-type": "x"}
    result = classify(attempt(status=429, response_headers=headers), SMALL, 2)
    assert result.limits == {"x-ratelimit-remaining-tokens": "5", "retry-after": "7"}
    assert (result.retry_after, result.number, result.target) == (7.0, 2, SMALL)


LOCAL = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}"


@pytest.mark.parametrize(
    ("record", "kind", "why"),
    [
        (exchange(SMALL), "ok", ""),
        (exchange(SMALL, status=500, flags=["upstream_retry_limit_exceeded"]), "failure", "upstream_5xx"),
        (
            exchange(SMALL, status=503, details=LOCAL, flags=["upstream_connection_failure"]),
            "failure",
            "connect_failure",
        ),
        (
            exchange(SMALL, status=504, details="upstream_per_try_timeout", flags=["upstream_request_timeout"]),
            "failure",
            "first_byte_timeout",
        ),
        (
            exchange(
                SMALL, status=503, details="no_healthy_upstream", flags=["no_healthy_upstream"], remote_address=""
            ),
            "sink",
            "no_host",
        ),
        (
            exchange(
                SMALL,
                status=200,
                details="upstream_reset_after_response_started{protocol_error}",
                flags=["upstream_protocol_error"],
            ),
            "failure",
            "cut",
        ),
        (
            exchange(
                SMALL, status=200, details="downstream_remote_disconnect", flags=["downstream_connection_termination"]
            ),
            "cancelled",
            "client_left",
        ),
        (
            exchange(SMALL, status=503, details="ext_proc_error_gRPC_error_13{boom{via_upstream}}"),
            "cancelled",
            "no_answer",
        ),
    ],
)
def test_an_exchange_tells_of_its_last_attempt(record: Any, kind: str, why: str) -> None:
    """Where an attempt's own record is missing, the exchange's says the same of it."""
    result = classify(last_attempt(record), SMALL, 1)
    assert (result.kind, result.why) == (kind, why)


def test_a_websocket_that_has_ended_was_neither_cut_nor_left() -> None:
    details = "upstream_reset_after_response_started{connection_termination}"
    ended = exchange(SMALL, status=101, flags=frozenset({"upstream_connection_termination"}), details=details)
    left = exchange(SMALL, status=101, flags=frozenset({"downstream_connection_termination"}))
    assert not cut(ended) and not client_left(ended) and not client_left(left)


@pytest.mark.parametrize(
    ("details", "flag"),
    [("response_timeout", "upstream_request_timeout"), ("stream_idle_timeout", "stream_idle_timeout")],
)
def test_an_answer_is_cut_too_when_envoy_gave_it_up_in_its_midst(details: str, flag: str) -> None:
    begun, never = (exchange(SMALL, status=status, details=details, flags=[flag]) for status in (200, 504))
    assert cut(begun) and not cut(never)
    assert classify(last_attempt(begun), SMALL, 1).why == "cut"
    assert classify(last_attempt(never), SMALL, 1).why == "first_byte_timeout"


def test_an_answer_is_cut_when_it_had_begun_and_its_upstream_broke_off() -> None:
    """Not when the client left, and not when nothing had begun."""
    after = "upstream_reset_after_response_started{protocol_error}"
    assert cut(exchange(SMALL, details=after, flags=["upstream_protocol_error"]))
    assert not cut(exchange(SMALL, details="via_upstream"))
    assert not cut(exchange(SMALL, status=503, details=LOCAL, flags=["upstream_connection_failure"]))
    gone = exchange(SMALL, details="downstream_remote_disconnect", flags=["downstream_connection_termination"])
    assert client_left(gone) and not cut(gone)
