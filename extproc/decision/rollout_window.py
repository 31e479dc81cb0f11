"""What an arm of a canary did lately: counted in buckets, so that a window is as large at a million requests as at ten.

Law: nothing is remembered longer than the window. A time is kept to within half a percent, which is what a percentile
is told by.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

BUCKETS: Final = 30  # parts of a window; a sample leaves with its part
_GROWTH: Final = math.log(1.01)  # from one class of times to the next
SHORTEST: Final = 0.001  # seconds; what is shorter counts as this
LONGEST: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One exchange that says something of an arm."""

    failed: bool
    seconds: float | None = None  # what the caller waited; None: nobody knows
    tokens: int = 0  # of an answer of its own, those of `cost`
    cost: int | None = None  # nano-dollars; None: nobody knows


@dataclass(frozen=True, slots=True)
class Numbers:
    """A window in a few numbers. None: there is nothing to make it of."""

    samples: int = 0
    failed: int = 0
    latency_p95: float | None = None  # seconds
    priced: int = 0  # samples whose cost is known
    cost_per_token: float | None = None  # nano-dollars

    @property
    def error_rate(self) -> float | None:
        return self.failed / self.samples if self.samples else None


@dataclass(slots=True)
class _Bucket:
    samples: int = 0
    failed: int = 0
    priced: int = 0
    tokens: int = 0
    cost: int = 0
    times: Counter[int] = field(default_factory=Counter)  # by their class


class Window:
    def __init__(self, length: float) -> None:
        self._part = length / BUCKETS
        self._buckets: dict[int, _Bucket] = {}

    def add(self, sample: Sample, now: float) -> None:
        self._forget(now)
        bucket = self._buckets.setdefault(self._number(now), _Bucket())
        bucket.samples += 1
        bucket.failed += sample.failed
        if sample.seconds is not None and math.isfinite(sample.seconds):
            bucket.times[_class(sample.seconds)] += 1
        if sample.cost is not None and sample.tokens > 0:
            bucket.priced += 1
            bucket.tokens += sample.tokens
            bucket.cost += sample.cost

    def numbers(self, now: float) -> Numbers:
        self._forget(now)
        buckets = self._buckets.values()
        tokens = sum(one.tokens for one in buckets)
        times: Counter[int] = Counter()
        for one in buckets:
            times.update(one.times)
        return Numbers(
            samples=sum(one.samples for one in buckets),
            failed=sum(one.failed for one in buckets),
            latency_p95=_percentile(times, 0.95),
            priced=sum(one.priced for one in buckets),
            cost_per_token=sum(one.cost for one in buckets) / tokens if tokens else None,
        )

    def clear(self) -> None:
        self._buckets.clear()

    def _number(self, now: float) -> int:
        return math.floor(now / self._part)

    def _forget(self, now: float) -> None:
        oldest = self._number(now) - BUCKETS
        for number in [number for number in self._buckets if number <= oldest]:
            del self._buckets[number]


def _class(seconds: float) -> int:
    return math.floor(math.log(min(max(seconds, SHORTEST), LONGEST)) / _GROWTH)


def _percentile(times: Counter[int], part: float) -> float | None:
    """The least time that this part of them does not exceed: the middle of its class."""
    rank = math.ceil(part * times.total())
    seen = 0
    for number in sorted(times):
        seen += times[number]
        if seen >= rank:
            return math.exp((number + 0.5) * _GROWTH)
    return None
