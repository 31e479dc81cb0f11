"""A strategy made of a scorer: less is better, the unknown stands where the scorer says, equals as they are written.

Law: who takes any name stands behind all who list it, whatever their scores.
"""

from collections.abc import Sequence

from extproc.decision.contender import ANY_NAME, Contender
from extproc.decision.strategies.contract import Circumstances, Ranked, Score, Scorer


class Scored:
    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def rank(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Ranked]:
        scored = list(zip(candidates, self._scorer.scores(candidates, circumstances), strict=True))
        scored.sort(key=lambda pair: _key(*pair))
        name = circumstances.spec.name
        return [Ranked(one, score.value, f"{name}: {score.words}", score.chosen, score.code) for one, score in scored]


def _key(contender: Contender, score: Score) -> tuple[bool, int, int, float, int, int]:
    if score.value is None:
        known, value = (-1 if score.unknown == "first" else 1), 0.0
    else:
        known, value = 0, score.value
    return contender.tier == ANY_NAME, score.band, known, value, contender.tier, contender.position
