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

    def add(self, sample: Sample) -> None:
        self.samples += 1
        self.failed += sample.failed
        if sample.seconds is not None and math.isfinite(sample.seconds):
            self.times[_class(sample.seconds)] += 1
        if sample.cost is not None and sample.tokens > 0:
            self.priced += 1
            self.tokens += sample.tokens
            self.cost += sample.cost

    def give(self, other: "_Bucket") -> None:
        """All that is in the other one is in this one too."""
        self.samples += other.samples
        self.failed += other.failed
        self.priced += other.priced
        self.tokens += other.tokens
        self.cost += other.cost
        self.times += other.times

    def take(self, other: "_Bucket") -> None:
        """All that is in the other one leaves this one."""
        self.samples -= other.samples
        self.failed -= other.failed
        self.priced -= other.priced
        self.tokens -= other.tokens
        self.cost -= other.cost
        self.times -= other.times  # and classes that are empty with it


# (number, samples, failed, priced, tokens, cost, times) of each part of a window
Parts = list[tuple[int, int, int, int, int, int, dict[int, int]]]


class Window:
    def __init__(self, length: float) -> None:
        self._part = max(length, 0.001) / BUCKETS
        self._buckets: dict[int, _Bucket] = {}  # the oldest first
        self._all = _Bucket()

    def add(self, sample: Sample, now: float) -> None:
        self._forget(now)
        self._buckets.setdefault(self._number(now), _Bucket()).add(sample)
        self._all.add(sample)

    def numbers(self, now: float) -> Numbers:
        self._forget(now)
        seen = self._all
        return Numbers(
            samples=seen.samples,
            failed=seen.failed,
            latency_p95=_percentile(seen.times, 0.95),
            priced=seen.priced,
            cost_per_token=seen.cost / seen.tokens if seen.tokens else None,
        )

    def parts(self) -> "Parts":
        """All that is counted, for who begins with it."""
        return [
            (number, one.samples, one.failed, one.priced, one.tokens, one.cost, dict(one.times))
            for number, one in self._buckets.items()
        ]

    def take_parts(self, parts: "Parts") -> None:
        """In place of what was counted here."""
        self.clear()
        for number, samples, failed, priced, tokens, cost, times in sorted(parts, key=lambda one: one[0]):
            self._buckets[number] = part = _Bucket(samples, failed, priced, tokens, cost, Counter(times))
            self._all.give(part)

    def clear(self) -> None:
        self._buckets.clear()
        self._all = _Bucket()

    def _number(self, now: float) -> int:
        return math.floor(now / self._part)

    def _forget(self, now: float) -> None:
        oldest = self._number(now) - BUCKETS
        while self._buckets and (first := next(iter(self._buckets))) <= oldest:
            self._all.take(self._buckets.pop(first))


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
