"""`ordered`: as it is written. The strategy's own targets in their order, else the order of `providers` in the file,
and within a provider of its models; who lists a model by name before who lists a glob, before who takes any name."""

from collections.abc import Sequence

from extproc.decision.contender import Contender
from extproc.decision.nearest import shown
from extproc.decision.plan import Observations
from extproc.decision.strategies.contract import Ranked
from extproc.facts.request import Facts
from extproc.snapshot import Snapshot, StrategySpec

NTH = ("first", "second", "third")


class Ordered:
    def rank(
        self,
        candidates: Sequence[Contender],
        facts: Facts,
        spec: StrategySpec,
        snapshot: Snapshot,
        observations: Observations,
        now: float,
        draw: float,
    ) -> Sequence[Ranked]:
        order = sorted(candidates, key=lambda contender: (contender.tier, contender.position))
        what = f"that serve {shown(facts.model)}" if facts.model else "that the route allows"
        return [
            Ranked(contender, float(place), f"{spec.name}: {nth(place)} of {len(order)} {what}")
            for place, contender in enumerate(order, 1)
        ]


def nth(place: int) -> str:
    return NTH[place - 1] if place <= len(NTH) else f"number {place}"
