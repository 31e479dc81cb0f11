"""What an endpoint says of itself in numbers, and how it says it as JSON on `/stats`.

Law: whatever stands there is somebody else's: a number that makes no sense is not told, and nothing here raises.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from extproc.decision.decayed import is_real


@dataclass(frozen=True, slots=True)
class Numbers:
    """None: not told."""

    queue_depth: float | None = None  # requests that wait
    tokens_per_second: float | None = None  # of output
    at_least: bool = False  # it was idle for some of the time: it can do no fewer tokens, and perhaps more
    latency_p95: float | None = None  # seconds

    def completed_by(self, other: "Numbers") -> "Numbers":
        """With what this does not tell and the other does."""
        own_speed = self.tokens_per_second is not None
        return Numbers(
            queue_depth=other.queue_depth if self.queue_depth is None else self.queue_depth,
            tokens_per_second=self.tokens_per_second if own_speed else other.tokens_per_second,
            at_least=self.at_least if own_speed else other.at_least,
            latency_p95=other.latency_p95 if self.latency_p95 is None else self.latency_p95,
        )

    @property
    def complete(self) -> bool:
        return None not in (self.queue_depth, self.tokens_per_second, self.latency_p95)


def sane(value: object) -> float | None:
    """A number that can be a depth, a speed or a time."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if is_real(value) else None


def above_zero(value: object) -> float | None:
    """A cluster that did nothing does not say how fast it is."""
    return sane(value) or None


def read_stats(body: bytes) -> Numbers | None:
    """`{queue_depth, tokens_per_second, latency_p95_ms}`, or as much of it as there is; None: it is no such page."""
    try:
        said: Any = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    latency = above_zero(said.get("latency_p95_ms"))
    return Numbers(
        queue_depth=sane(said.get("queue_depth")),
        tokens_per_second=above_zero(said.get("tokens_per_second")),
        latency_p95=None if latency is None else latency / 1000,
    )
