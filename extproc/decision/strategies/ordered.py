"""`ordered`: as it is written. The strategy's own targets in their order, else the order of `providers` in the file,
and within a provider of its models; who lists a model by name before who lists a glob, before who takes any name."""

from collections.abc import Sequence

from extproc.decision.contender import Contender, as_written
from extproc.decision.nearest import shown
from extproc.decision.strategies import codes
from extproc.decision.strategies.contract import Circumstances, Ranked

NTH = ("first", "second", "third")


class Ordered:
    def rank(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Ranked]:
        order = as_written(candidates)
        what = (
            f"that serve {shown(circumstances.facts.model)}" if circumstances.facts.model else "that the route allows"
        )
        name = circumstances.spec.name
        return [
            Ranked(contender, float(place), f"{name}: {nth(place)} of {len(order)} {what}", code=codes.ORDERED)
            for place, contender in enumerate(order, 1)
        ]


def nth(place: int) -> str:
    return NTH[place - 1] if place <= len(NTH) else f"number {place}"
