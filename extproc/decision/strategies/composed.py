"""Strategies out of strategies: `among` limits what one orders to what another finds good, `ties` orders equals.

Law: `among` measures, and what it finds about as good as its best goes first, in this strategy's order; the rest
follows in `among`'s own. What nobody knows and should be tried counts as good; what stands in a worse band, or takes
any name beside those who list it, never does. Whom `among` does not choose is not chosen. Equals without `ties` stand
as they are written.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import Literal

from extproc.decision.contender import Contender, as_written
from extproc.decision.strategies.contract import Circumstances, Place, Ranked, Strategy
from extproc.decision.strategies.words import number
from extproc.snapshot import StrategySpec


class Composed:
    """Any kind, with what stands around it in its spec."""

    def __init__(self, kinds: Mapping[str, Strategy], kind_of: Callable[[str], str | None]) -> None:
        self._kinds = kinds
        self._kind_of = kind_of

    def rank(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Ranked]:
        own, behind = self._ranked(candidates, circumstances, circumstances.spec)
        return [*own, *behind]

    def _ranked(
        self, candidates: Sequence[Contender], circumstances: Circumstances, spec: StrategySpec
    ) -> tuple[list[Ranked], list[Ranked]]:
        """(whom this strategy ordered, who follows)."""
        if spec.among is None:
            return self._own(candidates, circumstances, spec), []
        found, behind = self._ranked(candidates, circumstances, spec.among)
        good = _good(found, spec.among.within)
        why = {one.contender.target: one.reason for one in good}
        ranked = self._own([one.contender for one in good], circumstances, spec)
        own = [one._replace(reason=f"{one.reason}; among: {why[one.contender.target]}") for one in ranked]
        rest = [one for one in found if one.contender.target not in why]
        limit = (
            "as good as the best" if spec.among.within is None else f"within {number(spec.among.within)} of the best"
        )
        return own, [*(_outside(one, spec.name, limit) for one in rest), *behind]

    def _own(self, candidates: Sequence[Contender], circumstances: Circumstances, spec: StrategySpec) -> list[Ranked]:
        kind = self._kind_of(spec.kind)
        if kind is None:  # no configuration that was checked has such a kind
            return [Ranked(one, None, f"{spec.name}: no such kind of strategy") for one in as_written(candidates)]
        if spec is not circumstances.spec:
            circumstances = replace(circumstances, spec=spec)
        ranked = self._kinds[kind].rank(candidates, circumstances)
        if not any(one.place is not None and one.place == other.place for one, other in pairwise(ranked)):
            return list(ranked)
        return [one for equals in _runs(ranked) for one in self._untied(equals, circumstances, spec)]

    def _untied(self, equals: list[Ranked], circumstances: Circumstances, spec: StrategySpec) -> list[Ranked]:
        if len(equals) < 2:
            return equals
        kind = self._kind_of(spec.ties) if spec.ties else None
        if kind is None:
            return [one._replace(reason=f"{one.reason}; equal; {_written(equals, n)}") for n, one in enumerate(equals)]
        # Weights say how much the strategy's own scores count, and what limits and denies has been asked.
        unpriced: Literal["worst", "allow"] = "allow" if spec.unpriced == "allow" else "worst"
        plain = replace(spec, name=kind, kind=kind, weights={}, among=None, ties=None, unpriced=unpriced)
        by_target = {one.contender.target: one for one in equals}
        order = self._own([one.contender for one in equals], circumstances, plain)
        return [
            one._replace(reason=f"{one.reason}; equal; {tie.reason}")
            for one, tie in ((by_target[tie.contender.target], tie) for tie in order)
        ]


def _runs(ranked: Sequence[Ranked]) -> Iterator[list[Ranked]]:
    """Those in the same place together; who has none stands alone."""
    for place, run in groupby(ranked, lambda one: one.place):
        if place is None:
            yield from ([one] for one in run)
        else:
            yield list(run)


def _written(equals: Sequence[Ranked], which: int) -> str:
    """Why it stands here among its equals."""
    one, other = equals[which].contender, equals[which - 1 if which else 1].contender
    if one.tier != other.tier:
        return "listed by its name" if one.tier < other.tier else "not listed by its name"
    return "later in the file" if which else "earlier in the file"


# --- among -----------------------------------------------------------------------------------------------------------


def _good(found: Sequence[Ranked], within: float | None) -> list[Ranked]:
    """Whom the strategy that was asked for finds about as good as its best; all, where it does not measure."""
    chosen = [one for one in found if one.chosen]
    first = next((one.place for one in chosen if one.place is not None), None)
    if first is None:
        return chosen
    here = [one for one in chosen if one.place is not None and one.place[:2] == first[:2]]
    if all(one.place is not None and one.place.known > 0 for one in here):
        return here
    best = min((one.place.value for one in here if one.place is not None and one.place.known == 0), default=0.0)
    times = within if within is not None and within > 1.0 else 1.0
    most = best + (times - 1.0) * abs(best) if best else 0.0  # times, also where less than nothing is best
    return [one for one in here if one.place is not None and _is_good(one.place, most)]


def _is_good(place: Place, most: float) -> bool:
    return place.known < 0 or (place.known == 0 and place.value <= most)


def _outside(ranked: Ranked, name: str, limit: str) -> Ranked:
    return ranked._replace(reason=f"{name}: behind those {limit}; {ranked.reason}") if ranked.chosen else ranked
