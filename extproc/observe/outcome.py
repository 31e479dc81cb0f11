"""What happened in one exchange: the value that the decision log prints and the metrics count.

Law: made once for each exchange, by the outcome room, and never changed. It holds names, numbers and times; no prompt,
no header, no credential has a field here. Money is nano-dollars, `ms` are milliseconds, None is «nobody can say».
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from extproc.decision.track_record import Speed
from extproc.money import Usage

AttemptKind = Literal["ok", "failure", "rate_limited", "caller_error", "sink", "cancelled", "unknown"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one target. A `sink` is a target that had no host: its breaker learns, people do not count it."""

    target: str
    kind: AttemptKind
    status: int  # 0: no answer
    why: str
    ms: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    id: str  # our own id of the exchange; Envoy's where the exchange never reached us
    request_id: str  # Envoy's
    time: float  # when it began, seconds since the epoch
    snapshot: str
    route: str
    endpoint: str
    caller: str | None
    labels: Mapping[str, str]
    model: str | None  # as asked
    strategy: str | None
    target: str | None  # the last real attempt's
    attempts: tuple[Attempt, ...]
    status: int  # what the caller got; 0: nothing
    refusal: str | None  # the code of refusal.Reason, ours or the one that Envoy said in our name
    stream: bool
    usage: Usage | None
    cost: int | None
    ttft_ms: int | None
    duration_ms: int | None
    client_left: bool = False
    cut: bool = False  # the answer had begun and its upstream broke it off
    failed: str | None = None  # the code of the error event that ended a stream behind its beginning
    flags: tuple[str, ...] = ()
    details: str = ""
    reason: str | None = None  # one sentence: why the first target stood first
    arm: str | None = None  # of a canary's strategy: `stable` or `canary`
    losses: tuple[str, ...] = ()  # what the last target could not be told
    request_bytes: int = 0
    response_bytes: int = 0
    lost_records: int = field(default=0)  # attempts that Envoy counted and nobody told us of
    speed: Speed | None = None  # how fast the target was that answered: its own attempt, not the walk before it

    @property
    def real_attempts(self) -> tuple[Attempt, ...]:
        return tuple(attempt for attempt in self.attempts if attempt.kind != "sink")
