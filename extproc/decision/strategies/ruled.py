"""Rules around a strategy: the first that holds puts its provider's targets first, the rest follow in its order."""

from collections.abc import Sequence

from extproc.decision import rules
from extproc.decision.contender import Contender
from extproc.decision.strategies import codes
from extproc.decision.strategies.contract import Circumstances, Ranked, Strategy


def rank_by_rules(
    strategy: Strategy, candidates: Sequence[Contender], circumstances: Circumstances
) -> Sequence[Ranked]:
    ranked = strategy.rank(candidates, circumstances)
    if not circumstances.spec.rules:
        return ranked
    here = {one.contender.provider.name for one in ranked if one.chosen}
    applied = rules.apply(circumstances.spec.rules, circumstances.facts, here)
    why = dict(applied.valueless)
    told = [_told(one, why.get(one.contender.provider.name)) for one in ranked]
    first = [one for one in told if one.chosen and one.contender.provider.name == applied.provider]
    rest = [one for one in told if not (one.chosen and one.contender.provider.name == applied.provider)]
    return [*(one._replace(reason=f"{applied.words}; {one.reason}", code=codes.RULE) for one in first), *rest]


def _told(ranked: Ranked, why: str | None) -> Ranked:
    return ranked._replace(reason=f"{ranked.reason}; {why}") if why else ranked
