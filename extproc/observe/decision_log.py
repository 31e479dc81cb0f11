"""The decision log: one line for each exchange, when it has ended.

Law: never a prompt, a key or a header. One line each, always: what would break it is escaped, what is long is cut, and
no line is longer than LONGEST_LINE bytes. FIELDS is the whole list, and docs/metrics.md is made from it.
On a terminal people get a short line with colours instead of JSON.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TextIO

import msgspec

from extproc.money import dollars
from extproc.observe.outcome import Attempt, Outcome
from extproc.observe.printable import printable
from extproc.observe.redact import redact

LONGEST_LINE: Final = 16 * 1024
LONGEST_TEXT: Final = 160  # characters
MOST_ATTEMPTS: Final = 10
MOST_LABELS: Final = 16
MOST_LOSSES: Final = 32

FIELDS: Final = {
    "log": "`exchange`: what tells this line from others in the same stream.",
    "time": "When the exchange began: UTC, RFC 3339.",
    "id": "The exchange's id, the one in `x-extproc-request-id`.",
    "request_id": "Envoy's id of it, the one in Envoy's own logs.",
    "snapshot": "The configuration under which it was decided.",
    "route": "The configured route.",
    "endpoint": "`chat`, `embeddings`, …, `service`, or `unknown`.",
    "caller": "The caller's name.",
    "labels": "Team, project, customer and the other own fields, as sent or as configured for the caller.",
    "model": "The model asked for.",
    "strategy": "The strategy that ordered the plan.",
    "arm": "The arm of a canary's strategy: `stable` or `canary`; left out where the exchange takes no part.",
    "target": "The last target that was really tried: `provider/model`.",
    "reason": "Why the first target stood first.",
    "losses": "What the caller asked for and the target could not be told.",
    "attempts": "Each real attempt: `target`, `status` (0: no answer), `why` it failed, `ms`.",
    "unreachable": "Targets of the plan that had no host.",
    "status": "The status that the caller got; 0: nothing.",
    "refusal": "The error code, where it was refused.",
    "stream": "Whether a stream was asked for.",
    "usage": "Tokens of each kind that `extproc_tokens_total` counts, the `tier`, and whether they are `estimated`.",
    "cost": "Dollars, as a decimal text; left out where the target has no price.",
    "ttft_ms": "Milliseconds to the first chunk of the answer.",
    "duration_ms": "Milliseconds to its end.",
    "request_bytes": "Bytes of the request's body.",
    "response_bytes": "Bytes of the answer's body.",
    "client_left": "The caller left before the end.",
    "cut": "The upstream broke off an answer that had begun.",
    "failed": "The code of the error event with which a stream ended that had begun.",
    "flags": "Envoy's response flags.",
    "details": "Envoy's response code details.",
    "lost_records": "Attempts that Envoy counted and nobody told us of.",
}


def record_of(outcome: Outcome) -> dict[str, Any]:
    """The fields of one line; those that have nothing to say are left out."""
    usage = outcome.usage
    fields: dict[str, Any] = {
        "log": "exchange",
        "time": datetime.fromtimestamp(outcome.time, UTC).isoformat(timespec="milliseconds"),
        "id": _text(outcome.id),
        "request_id": _text(outcome.request_id),
        "snapshot": _text(outcome.snapshot),
        "route": _text(outcome.route),
        "endpoint": _text(outcome.endpoint),
        "caller": _text(outcome.caller),
        "labels": _labels(outcome),
        "model": _text(outcome.model),
        "strategy": _text(outcome.strategy),
        "arm": _text(outcome.arm),
        "target": _text(outcome.target),
        "reason": _text(outcome.reason),
        "losses": [_text(name) for name in outcome.losses[:MOST_LOSSES]],
        "attempts": [_attempt(attempt) for attempt in outcome.real_attempts[:MOST_ATTEMPTS]],
        "unreachable": [_text(tried.target) for tried in outcome.attempts[:MOST_ATTEMPTS] if tried.kind == "sink"],
        "status": outcome.status,
        "refusal": _text(outcome.refusal),
        "stream": outcome.stream,
        "usage": msgspec.to_builtins(usage) if usage is not None else None,
        "cost": dollars(outcome.cost) if outcome.cost is not None else None,
        "ttft_ms": outcome.ttft_ms,
        "duration_ms": outcome.duration_ms,
        "request_bytes": outcome.request_bytes,
        "response_bytes": outcome.response_bytes,
        "client_left": outcome.client_left or None,
        "cut": outcome.cut or None,
        "failed": _text(outcome.failed),
        "flags": [_text(flag) for flag in outcome.flags[:MOST_ATTEMPTS]],
        "details": _text(outcome.details),
        "lost_records": outcome.lost_records or None,
    }
    return {
        name: value for name, value in fields.items() if value is not None and value != "" and value not in ([], {})
    }


def json_line(outcome: Outcome) -> str:
    fields = record_of(outcome)
    line = msgspec.json.encode(fields)
    if len(line) > LONGEST_LINE:  # labels and attempts are what people may make large; everything else is small
        line = msgspec.json.encode({**fields, "labels": {}, "losses": [], "attempts": [], "unreachable": []})
    return line.decode()


RESET, DIM, RED, GREEN, YELLOW = "\033[0m", "\033[2m", "\033[31m", "\033[32m", "\033[33m"


def human_line(outcome: Outcome) -> str:
    """For a terminal: when, what became of it, who answered, tokens, cost, time."""
    when = datetime.fromtimestamp(outcome.time).astimezone().strftime("%H:%M:%S")
    colour = GREEN if 200 <= outcome.status < 400 else YELLOW if 400 <= outcome.status < 500 else RED
    said = (
        "left"
        if outcome.client_left
        else "cut"
        if outcome.cut
        else "failed"
        if outcome.failed
        else str(outcome.status or "none")
    )
    parts = [f"{DIM}{when}{RESET}", f"{colour}{said:>4}{RESET}", _who(outcome)]
    if outcome.usage is not None:
        about = "~" if outcome.usage.estimated else ""
        parts.append(f"{about}{outcome.usage.input}+{outcome.usage.output} tokens")
    if outcome.cost is not None:
        parts.append(f"${dollars(outcome.cost)}")
    if outcome.ttft_ms is not None and outcome.stream:
        parts.append(f"first {outcome.ttft_ms} ms")
    if outcome.duration_ms is not None:
        parts.append(f"{outcome.duration_ms} ms")
    parts.extend(f"{DIM}{_text(tried.target)}: {_text(tried.why)}{RESET}" for tried in _failed(outcome))
    return "  ".join(parts)


def _who(outcome: Outcome) -> str:
    who = _text(outcome.target) or _text(outcome.route) or "-"
    return f"{who} ({_text(outcome.refusal)})" if outcome.refusal else who


def _failed(outcome: Outcome) -> list[Attempt]:
    return [tried for tried in outcome.attempts[:MOST_ATTEMPTS] if tried.kind not in ("ok", "cancelled", "unknown")]


def _attempt(attempt: Attempt) -> dict[str, Any]:
    fields = {"target": _text(attempt.target), "status": attempt.status, "why": _text(attempt.why), "ms": attempt.ms}
    return {name: value for name, value in fields.items() if value is not None}


def _labels(outcome: Outcome) -> dict[str, str]:
    named = list(outcome.labels.items())[:MOST_LABELS]
    return {printable(redact(name), LONGEST_TEXT): printable(redact(value), LONGEST_TEXT) for name, value in named}


@lru_cache(maxsize=512)  # most are names of the configuration, the same in every line
def _text(text: str | None) -> str | None:
    return None if text is None else printable(redact(text[: 4 * LONGEST_TEXT]), LONGEST_TEXT)


class DecisionLog:
    """Writes lines to the stream it is given."""

    def __init__(self, stream: TextIO, people: bool | None = None) -> None:
        self._stream = stream
        self._people = stream.isatty() if people is None else people

    def exchange(self, outcome: Outcome) -> None:
        line = human_line(outcome) if self._people else json_line(outcome)
        self._stream.write(line + "\n")
        self._stream.flush()
