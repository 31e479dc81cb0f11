"""A strategy made of a scorer: less is better, the unknown stands where the scorer says, equals as they are written.

Law: who takes any name stands behind all who list it, whatever their scores.
"""

from collections.abc import Sequence

from extproc.decision.contender import ANY_NAME, Contender
from extproc.decision.strategies.contract import Circumstances, Place, Ranked, Score, Scorer, sound


class Scored:
    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def rank(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Ranked]:
        scores = map(sound, self._scorer.scores(candidates, circumstances))
        placed = [(_place(one, score), one, score) for one, score in zip(candidates, scores, strict=True)]
        placed.sort(key=lambda each: (not each[2].chosen, each[0], each[1].tier, each[1].position))
        name = circumstances.spec.name
        return [
            Ranked(
                one,
                score.value,
                f"{name}: {score.words}",
                score.chosen,
                score.code,
                place=place if score.chosen else None,
            )
            for place, one, score in placed
        ]


def _place(contender: Contender, score: Score) -> Place:
    takes_any = contender.tier == ANY_NAME
    if score.value is not None:
        return Place(takes_any, score.band, 0, score.value)
    return Place(takes_any, score.band, -1 if score.unknown == "first" else 1, 0.0, score.guess)
