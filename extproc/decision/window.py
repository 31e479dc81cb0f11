"""The last few samples and their 95th percentile: a value, of which each sample makes the next. No clock.

Law: at most LENGTH samples, none older than `within` when the last came in. The percentile is the smallest sample that
at least 95 of 100 do not exceed: never a number that was not seen.
"""

from dataclasses import dataclass
from typing import Final

from extproc.decision.decayed import is_real
from extproc.decision.plan import STALE_AFTER, Measure

LENGTH: Final = 100
PERCENT: Final = 95


@dataclass(frozen=True, slots=True)
class Window:
    samples: tuple[tuple[float, float], ...] = ()  # when and what, in the order in which they came
    p95: Measure | None = None

    def with_sample(self, sample: float, now: float, within: float = STALE_AFTER) -> "Window":
        if not is_real(sample):
            return self
        kept = self.samples[-(LENGTH - 1) :]
        if kept and kept[0][0] < now - within:
            kept = tuple(one for one in kept if one[0] >= now - within)
        samples = (*kept, (now, sample))
        values = sorted([value for _, value in samples])
        return Window(samples, Measure(values[-(-PERCENT * len(values) // 100) - 1], now, len(values)))
