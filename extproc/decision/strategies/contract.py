"""What a strategy is: it puts contenders into an order and says why, or says why one is not chosen at all.

Law: every contender it is given comes back exactly once. It looks at nothing but its arguments, so the same arguments
give the same order. Filters have run before it: whoever is here may be used, and can.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from extproc.decision.contender import Contender
from extproc.decision.plan import Observations
from extproc.facts.request import Facts
from extproc.snapshot import Snapshot, StrategySpec


@dataclass(frozen=True, slots=True)
class Ranked:
    contender: Contender
    score: float | None  # the strategy's own number, for people: a place, a share, a price
    reason: str
    chosen: bool = True  # False: it is not to stand in the plan at all


class Strategy(Protocol):
    def rank(
        self,
        candidates: Sequence[Contender],
        facts: Facts,
        spec: StrategySpec,
        snapshot: Snapshot,
        observations: Observations,
        now: float,
        draw: float,
    ) -> Sequence[Ranked]: ...
