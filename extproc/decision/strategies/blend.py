"""`blend`: several scores in one: the weighted mean of how many times worse than the best each of them is.

Law: what nobody knows counts as the best, if its scorer would try it; else it stands behind what is known. The worst of
its bands is a target's band, and whom one scorer does not choose the blend does not either.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from extproc.decision.contender import Contender
from extproc.decision.strategies import codes
from extproc.decision.strategies.contract import Circumstances, Score, Scorer, sound
from extproc.decision.strategies.draws import usable
from extproc.decision.strategies.factors import weighed
from extproc.decision.strategies.words import number, percent

MOST: Final = 1e12  # times worse than the best: more is the same


class Blend:
    def __init__(self, scorers: Mapping[str, Scorer], kind_of: Callable[[str], str | None]) -> None:
        self._scorers = scorers
        self._kind_of = kind_of

    def scores(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Score]:
        spec = circumstances.spec
        shares = self._shares(spec.scores)
        inner = replace(circumstances, spec=replace(spec, weights={}))  # they count once, on the whole
        columns = [self._column(kind, candidates, inner) for kind in shares]
        named = [(f"{percent(share)} {kind}", share) for kind, share in shares.items()]
        rows = zip(*columns, strict=True) if columns else (() for _ in candidates)
        blended = (_blended(row, named) for row in rows)
        return [weighed(score, one, spec) for score, one in zip(blended, candidates, strict=True)]

    def _shares(self, scores: Mapping[str, float]) -> dict[str, float]:
        """By kind, together 1; what weighs nothing, or does not score, is left out."""
        named = ((self._kind_of(name), usable(weight)) for name, weight in scores.items())
        weights = {kind: weight for kind, weight in named if kind in self._scorers and weight}
        largest = max(weights.values(), default=1.0)
        total = math.fsum(weight / largest for weight in weights.values())
        return {kind: weight / largest / total for kind, weight in weights.items() if kind is not None}

    def _column(
        self, kind: str, candidates: Sequence[Contender], circumstances: Circumstances
    ) -> list[tuple[float, Score]]:
        """One scorer's scores, each with how many times worse than the best it is; 0 stands for what is free."""
        scores = [sound(score) for score in self._scorers[kind].scores(candidates, circumstances)]
        known = [score.value for score in scores if score.value is not None and score.chosen]
        best = min(known, default=1.0)
        unit = abs(best) or min((value for value in known if value > 0), default=1.0)
        start = 1.0 if best else 0.0
        return [
            (start if score.value is None else min(start + (score.value - best) / unit, MOST), score)
            for score in scores
        ]


def _blended(row: Sequence[tuple[float, Score]], shares: Sequence[tuple[str, float]]) -> Score:
    if not row:
        return Score(0.0, "nothing to blend", code=codes.BLEND)
    for _, score in row:
        if not score.chosen:
            return score
    value = math.fsum([share * part for (_, share), (part, _) in zip(shares, row, strict=True)])
    told = "; ".join(
        [
            f"{name} {'unknown' if score.value is None else number(part)} ({score.words})"
            for (name, _), (part, score) in zip(shares, row, strict=True)
        ]
    )
    behind = any(score.value is None and score.unknown == "last" for _, score in row)
    band = 2 * max([score.band for _, score in row]) + behind
    return Score(value, f"{number(value)} times the best: {told}", band, code=codes.BLEND)
