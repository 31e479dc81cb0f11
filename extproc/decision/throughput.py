"""How many tokens a second a cluster makes while it works: a value, of which each event makes the next. No clock.

  tokens_per_second = tokens of output of its exchanges that ended / seconds in which at least one was open

Both sums halve every HALF_LIFE, so that the latest count most. Requests that run side by side share their seconds:
it is what the cluster makes, not what one caller gets. Waiting in the cluster's queue counts as work.
"""

from dataclasses import dataclass
from typing import Final

from extproc.decision.plan import Measure

HALF_LIFE: Final = 300.0  # seconds
LEAST_BUSY: Final = 0.05  # seconds: less work than this tells no speed


@dataclass(frozen=True, slots=True)
class Throughput:
    tokens: float = 0.0
    busy: float = 0.0  # seconds
    at: float = 0.0  # when these two were so
    open: bool = False
    measure: Measure | None = None  # when tokens last came in

    def began(self, now: float) -> "Throughput":
        """The first exchange of some is open from now on."""
        then = self._at(now)
        return Throughput(then.tokens, then.busy, then.at, True, self.measure)

    def ended(self, now: float) -> "Throughput":
        """None is open any more."""
        then = self._at(now)
        return Throughput(then.tokens, then.busy, then.at, False, self.measure)

    def produced(self, tokens: float, now: float) -> "Throughput":
        then = self._at(now)
        made = then.tokens + tokens
        measure = self.measure
        if then.busy >= LEAST_BUSY:
            measure = Measure(made / then.busy, now, (measure.samples if measure else 0) + 1)
        return Throughput(made, then.busy, then.at, then.open, measure)

    def _at(self, now: float) -> "Throughput":
        passed = now - self.at
        if passed <= 0:
            return self
        kept = 2.0 ** (-passed / HALF_LIFE)
        busy = self.busy * kept + (passed if self.open else 0.0)
        return Throughput(self.tokens * kept, busy, now, self.open, self.measure)
