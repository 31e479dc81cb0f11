"""What a cluster that is priced by the hour costs for tokens: nano-dollars, rounded once.

Law: `$/1K = cost_per_hour / (tokens_per_second * 3600) * overhead_factor * 1000`. A speed that is no number, or not
above 0, gives no cost: None, never a magic number.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

from extproc.decision.plan import Observation, fresh
from extproc.snapshot import ClusterSpec

ASSUMED_SPEED: Final = 10.0  # tokens a second, where nobody measured and nobody declared any


@dataclass(frozen=True, slots=True)
class Speed:
    tokens_per_second: float
    source: Literal["measured", "declared", "assumed"]
    stale: bool = False  # it was measured, too long ago


def speed_of(spec: ClusterSpec, seen: Observation, now: float) -> Speed:
    """As it was measured lately, else as the operator declares it, else what is assumed of anyone.

    A cluster that has nothing to do measures 0, which says nothing of how fast it is.
    """
    measured = fresh(seen.tokens_per_second, now)
    if measured is not None and _is_speed(measured):
        return Speed(measured, "measured")
    stale = seen.tokens_per_second is not None and measured is None
    if spec.tokens_per_second is not None and _is_speed(spec.tokens_per_second):
        return Speed(spec.tokens_per_second, "declared", stale)
    return Speed(ASSUMED_SPEED, "assumed", stale)


def per_1k(spec: ClusterSpec, tokens_per_second: float) -> int | None:
    return of_tokens(spec, tokens_per_second, 1000)


def of_tokens(spec: ClusterSpec, tokens_per_second: float, tokens: int) -> int | None:
    if not _is_speed(tokens_per_second):
        return None
    amount = spec.cost_per_hour / (tokens_per_second * 3600) * spec.overhead_factor * tokens
    return math.floor(amount + 0.5) if math.isfinite(amount) else None


def of_waking(spec: ClusterSpec) -> int:
    """The time that it takes to start is paid for, and serves nobody."""
    seconds = spec.wake_up or 0.0
    return math.floor(spec.cost_per_hour / 3600 * seconds + 0.5) if 0 < seconds < math.inf else 0


def _is_speed(tokens_per_second: float) -> bool:
    return 0 < tokens_per_second < math.inf
