"""A mean in which the latest count most: a value, of which each sample makes the next. No clock: `now` comes in.

Law: a sample's weight halves every half-life, and all that came before weigh together at most `most` samples, so that
a change shows after about as many, however much was seen before. What is no finite number is no sample.
"""

from dataclasses import dataclass
from typing import Final

from extproc.decision.plan import Measure

HALF_LIFE: Final = 120.0  # seconds
MOST: Final = 20.0  # samples
LARGEST: Final = 1e12  # beyond it nothing that we measure is real


@dataclass(frozen=True, slots=True)
class Decayed:
    measure: Measure
    weight: float = 1.0  # at the time of its last sample, in samples


def decayed(
    before: Decayed | None, sample: float, now: float, half_life: float = HALF_LIFE, most: float = MOST
) -> Decayed | None:
    """The mean with one sample more. A clock that went back decays nothing."""
    if not is_real(sample):
        return before
    if before is None:
        return Decayed(Measure(sample, now))
    old = before.measure
    passed = now - old.at
    kept = min(before.weight * (2.0 ** (-passed / half_life) if passed > 0 else 1.0), most - 1.0)
    weight = kept + 1.0
    mean = old.value + (sample - old.value) / weight
    return Decayed(Measure(mean, now if passed > 0 else old.at, old.samples + 1), weight)


def is_real(sample: float) -> bool:
    """Whether it can have been measured: finite, and neither negative nor absurd. Integers may be of any length."""
    return 0.0 <= sample <= LARGEST
