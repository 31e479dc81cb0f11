"""`weights` of a strategy that scores: factors on the score, so that more is worse.

Law: a `provider/model` goes before its provider; who is not named counts once. Weight 0 is never chosen, whatever the
strategy; a weight that is no number, or below nothing, is nothing.
"""

from extproc.decision.contender import Contender
from extproc.decision.strategies.contract import Score
from extproc.decision.strategies.draws import usable
from extproc.decision.strategies.words import number
from extproc.snapshot import StrategySpec

NEVER = "weight 0 is never chosen"


def weight_of(contender: Contender, spec: StrategySpec) -> float | None:
    """None: it has none."""
    if not spec.weights:
        return None
    return usable(spec.weights.get(str(contender.target), spec.weights.get(contender.provider.name)))


def weighed(score: Score, contender: Contender, spec: StrategySpec) -> Score:
    if not spec.weights:
        return score
    weight = weight_of(contender, spec)
    if weight is None or not score.chosen:
        return score
    if not weight:
        return Score(None, NEVER, chosen=False)
    if score.value is None:
        return score
    return score._replace(value=score.value * weight, words=f"{score.words}; counts {number(weight)} times")
