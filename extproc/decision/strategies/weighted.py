"""`weighted`: the first is drawn by weight, the rest by further draws without replacement.

A weight names a `provider/model` or a provider; the first goes before the second. A provider's weight is the share of
all of its contenders together: those that are not named themselves divide it evenly. When nothing that is here is
named, everyone who lists the model weighs the same and who takes any name stands behind. When something is named, who
is not is never drawn but stands behind, as a last resort, in the order of the file. Weight 0 is never chosen.
"""

from collections import Counter
from collections.abc import Sequence

from extproc.decision.contender import ANY_NAME, Contender, as_written
from extproc.decision.strategies import codes
from extproc.decision.strategies.contract import Circumstances, Place, Ranked
from extproc.decision.strategies.draws import draw_all
from extproc.decision.strategies.factors import NEVER
from extproc.decision.strategies.words import percent
from extproc.snapshot import StrategySpec


class Weighted:
    def rank(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Ranked]:
        spec = circumstances.spec
        order = as_written(candidates)
        return draw_ranked(order, weights_of(order, spec), spec.name, circumstances.draw)


def weights_of(contenders: Sequence[Contender], spec: StrategySpec) -> list[float | None]:
    names = [(str(one.target), one.provider.name) for one in contenders]
    sharing = Counter(provider for target, provider in names if target not in spec.weights)
    weights: list[float | None] = []
    for target, provider in names:
        if target in spec.weights:
            weights.append(spec.weights[target])
        elif provider in spec.weights:
            weights.append(spec.weights[provider] / sharing[provider])
        else:
            weights.append(None)
    if all(weight is None for weight in weights):
        listed = any(one.tier < ANY_NAME for one in contenders)
        return [None if listed and one.tier == ANY_NAME else 1.0 for one in contenders]
    return weights


def draw_ranked(
    order: Sequence[Contender], weights: Sequence[float | None], label: str, draw: float, code: str = codes.WEIGHTED
) -> list[Ranked]:
    """An order drawn by weight, said in words; whose weight is 0 comes last and is not chosen."""
    ranked: list[Ranked] = []
    for drawn in draw_all(weights, draw):
        if drawn.share is None:
            one = order[drawn.index]
            place = Place(one.tier == ANY_NAME, 1, 0, 0.0) if weights[drawn.index] is None else None
            ranked.append(Ranked(one, None, f"{label}: behind those with a weight", code=code, place=place))
        else:
            after = "" if not ranked else ", of those left"
            reason = f"{label}: drawn with {percent(drawn.share)}{after}"
            ranked.append(Ranked(order[drawn.index], drawn.share, reason, code=code))
    chosen = {str(one.contender.target) for one in ranked}
    never = [contender for contender in order if str(contender.target) not in chosen]
    return ranked + [Ranked(one, 0.0, f"{label}: {NEVER}", chosen=False) for one in never]
