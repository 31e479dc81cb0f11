"""What became of one attempt: Envoy's words → one of a few kinds.

Law: a target's breaker counts what the target did, nothing else. Refused connections, resets, answers that do not
begin in time, 5xx and streams that it cuts are failures; a 429 is its own kind; other 4xx are the caller's; a client
that left, and what Envoy did for reasons of its own, prove nothing. The sink (127.0.0.1:0, or no host at all) is a
failure of the target that had no host, and for people no attempt.

Envoy's record of an attempt has no metadata, no details and no number; where nothing answered it has no status. Where
a filter of ours answered in the provider's stead it has a status, but no first byte from upstream. Its times count from
its own beginning; those of an exchange's record from the exchange's, whichever attempt they are of (see settle.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from extproc.outcome.rate_limits import number_of
from extproc.outcome.record import Record
from extproc.snapshot import Target

Kind = Literal["ok", "failure", "rate_limited", "caller_error", "sink", "cancelled"]
Why = Literal[
    "",
    "connect_failure",
    "reset",
    "first_byte_timeout",
    "upstream_5xx",
    "cut",
    "rate_limited",
    "caller_error",
    "upstream_auth",
    "no_host",
    "client_left",
    "overflow",
    "no_cluster",
    "no_answer",
    "local_reply",
]

SINK_ADDRESS: Final = "127.0.0.1:0"  # the door that is always shut: every plan cluster's last resort
NO_HOST: Final = frozenset({"no_healthy_upstream", "dns_resolution_failure"})
CLIENT_LEFT: Final = frozenset({"downstream_connection_termination", "downstream_remote_reset"})
TIMED_OUT: Final = frozenset(
    {"upstream_request_timeout", "stream_idle_timeout", "duration_timeout", "upstream_max_stream_duration_reached"}
)
RESET: Final = frozenset(
    {"upstream_remote_reset", "upstream_connection_termination", "upstream_protocol_error", "local_reset"}
)
ANSWER_CUT: Final = "upstream_reset_after_response_started"  # Envoy's details of an exchange, a reason in braces behind
# Its details where Envoy gave an answer up: by a route's `timeout`, or because it was silent for too long.
GIVEN_UP: Final = ("response_timeout", "stream_idle_timeout", "max_duration_timeout", "upstream_max_stream_duration")
# A WebSocket was answered when it was opened. Envoy calls its end a reset, whichever side ends it and however well.
UPGRADED: Final = 101
LIMIT_PREFIXES: Final = ("x-ratelimit-", "ratelimit-", "anthropic-ratelimit-", "retry-after")
LONGEST_RETRY_AFTER: Final = 86_400.0  # whoever says more is not believed for longer than a day


@dataclass(frozen=True, slots=True)
class AttemptResult:
    request_id: str
    number: int  # its place in the plan, from 1
    target: Target
    kind: Kind
    status: int  # 0: no answer
    why: Why
    duration: float | None = None
    retry_after: float | None = None  # seconds from the end of the attempt
    limits: Mapping[str, str] = field(default_factory=dict)  # the provider's own rate-limit headers
    started_at: float | None = None  # seconds since the epoch; None: its own record was lost, so nobody knows
    first_byte: float | None = None  # seconds from then to the answer's first byte, which is of its headers


def classify(record: Record, target: Target, number: int) -> AttemptResult:
    kind, why = _verdict(record)
    return AttemptResult(
        request_id=record.request_id,
        number=number,
        target=target,
        kind=kind,
        status=record.status,
        why=why,
        duration=record.duration,
        retry_after=retry_after(record) if kind in ("rate_limited", "failure") else None,
        limits={name: value for name, value in record.response_headers.items() if name.startswith(LIMIT_PREFIXES)},
        started_at=record.started_at,
        first_byte=record.first_upstream_byte,
    )


def _verdict(record: Record) -> tuple[Kind, Why]:
    flags = record.flags
    if record.remote_address == SINK_ADDRESS or flags & NO_HOST:
        return "sink", "no_host"
    if record.status == UPGRADED:
        return "ok", ""
    if flags & CLIENT_LEFT:
        return "cancelled", "client_left"
    if "upstream_overflow" in flags:
        return "cancelled", "overflow"
    if "no_cluster_found" in flags:
        return "cancelled", "no_cluster"
    if "upstream_connection_failure" in flags:
        return "failure", "connect_failure"
    if flags & TIMED_OUT:
        return "failure", "cut" if record.status else "first_byte_timeout"
    if flags & RESET:
        return "failure", "cut" if record.status else "reset"
    if record.status and record.first_upstream_byte is None:
        return "cancelled", "local_reply"
    return _by_status(record.status)


def _by_status(status: int) -> tuple[Kind, Why]:
    if status == 0:
        return "cancelled", "no_answer"  # ended from our side before an answer: it proves nothing
    if status == 429:
        return "rate_limited", "rate_limited"
    if status >= 500:
        return "failure", "upstream_5xx"
    if status in (401, 403):  # the gateway's credential is refused; it is no failure that another try would mend
        return "caller_error", "upstream_auth"
    if status >= 400:
        return "caller_error", "caller_error"
    return "ok", ""


def retry_after(record: Record) -> float | None:
    """Seconds that the provider asks us to stay away: a number, or a date against the end of the attempt."""
    headers = record.response_headers
    milliseconds = number_of(headers.get("retry-after-ms"))
    asked = number_of(headers.get("retry-after")) if milliseconds is None else milliseconds / 1000
    if asked is None:
        asked = _until(headers.get("retry-after", ""), record.started_at + (record.duration or 0.0))
    return None if asked is None else min(asked, LONGEST_RETRY_AFTER)


def _until(text: str, now: float) -> float | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)  # HTTP dates are GMT, whether they say so or not
    return max(aware.timestamp() - now, 0.0)


def last_attempt(exchange: Record) -> Record:
    """The exchange's record read as one of its last attempt, for when that one's own was lost or never written.

    Envoy writes no attempt record when it found no host; and an exchange's status may be Envoy's own answer, which
    says nothing of the target.
    """
    answered = exchange.details in ("", "via_upstream") or cut(exchange)
    return replace(exchange, kind="attempt", status=exchange.status if answered else 0)


def client_left(exchange: Record) -> bool:
    return exchange.status != UPGRADED and bool(exchange.flags & CLIENT_LEFT)


def cut(exchange: Record) -> bool:
    """The answer had begun and was broken off behind us: the caller saw a transport error, not an end."""
    if client_left(exchange) or exchange.status in (0, UPGRADED):
        return False
    if exchange.details.startswith(ANSWER_CUT):
        return True
    if exchange.details.startswith(GIVEN_UP):
        return exchange.status < 400  # with none begun, Envoy answers itself: 408 or 504
    return exchange.details in ("", "via_upstream") and bool(exchange.flags & (RESET | TIMED_OUT))
