"""What the operator wrote out: targets of aliases and strategies, and the entries of chains.

Law: what is written is believed, also where the provider does not list it. An entry without a model takes the one asked
for if that provider serves it, else the provider's `default_model`; where nobody asked for any, the first that it
lists; else it is skipped with that reason.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from extproc.decision.contender import NAMED, Contender
from extproc.decision.lookup import Listing
from extproc.decision.nearest import shown
from extproc.decision.plan import Candidate
from extproc.decision.question import Question
from extproc.decision.strategies import Ranked, codes
from extproc.decision.strategies.ordered import nth
from extproc.decision.strategies.weighted import draw_ranked
from extproc.snapshot import Target

ALIAS: Final = codes.ALIAS
CHAIN: Final = codes.CHAIN
GONE: Final = "no provider has this name"
UNRESOLVED: Final = "its provider does not serve the model asked for and has no default_model"


@dataclass(frozen=True, slots=True)
class Group:
    """Contenders that are put into an order together."""

    strategy: str  # what ordered it, as logs and metrics name it
    contenders: tuple[Contender, ...]
    rank: Callable[[Sequence[Contender]], Sequence[Ranked]]


def written(question: Question, targets: Iterable[Target]) -> tuple[list[Contender], tuple[Candidate, ...]]:
    """(those that stand for something, the others with the reason why not)."""
    kept: dict[Target, Contender] = {}
    left_out: list[Candidate] = []
    for target in targets:
        listing = question.index.listings.get(target.provider)
        found = resolved(question, listing, target.model, len(kept)) if listing else None
        if found is not None:
            kept.setdefault(found.target, found)
        else:
            left_out.append(Candidate(target, False, UNRESOLVED if listing else GONE))
    return list(kept.values()), tuple(left_out)


def resolved(question: Question, listing: Listing, model: str | None, position: int) -> Contender | None:
    if model:
        return listing.named(model, position)
    asked = question.name or question.route.model
    found = (listing.serve(asked) if asked else None) or listing.default()
    if found is None and question.name is None:
        found = next((one for one in listing.concrete() if question.facts.family in one.families), None)
    return replace(found, tier=NAMED, position=position) if found else None


def alias_group(alias: str, targets: Sequence[Target], contenders: Sequence[Contender]) -> Group:
    """Places are those of the alias as it is written, also when only some of its targets are here."""
    places: dict[Target, int] = {}
    for place, target in enumerate(targets, 1):
        places.setdefault(target, place)

    def rank(kept: Sequence[Contender]) -> Sequence[Ranked]:
        order = [(places.get(one.target, one.position + 1), one) for one in kept]
        order.sort(key=lambda pair: pair[0])
        name = f"alias {shown(alias)}"
        return [Ranked(one, float(place), f"{name}: its {nth(place)} target", code=ALIAS) for place, one in order]

    return Group(ALIAS, tuple(contenders), rank)


def chain_group(question: Question) -> tuple[Group | None, tuple[Candidate, ...]]:
    """The route's chain, None where it has none; and the entries that stand for nothing."""
    entries = question.route.failover.chain
    if not entries:
        return None, ()
    weights: dict[Target, float | None] = {}
    kept: list[Contender] = []
    left_out: list[Candidate] = []
    for entry in entries:
        listing = question.index.listings.get(entry.provider)
        found = resolved(question, listing, entry.model, len(kept)) if listing else None
        if found is None:
            skipped = Target(entry.provider, entry.model or question.name or "")
            left_out.append(Candidate(skipped, False, f"chain: skipped, {UNRESOLVED if listing else GONE}"))
        elif found.target not in weights:
            weights[found.target] = entry.weight
            kept.append(found)

    def rank(those: Sequence[Contender]) -> Sequence[Ranked]:
        order = sorted(those, key=lambda one: one.position)
        if any(weight is not None for weight in weights.values()):
            return draw_ranked(order, [weights[one.target] for one in order], CHAIN, question.draw, CHAIN)
        places = [(one, one.position + 1) for one in order]
        return [Ranked(one, float(place), f"chain: its {nth(place)} entry", code=CHAIN) for one, place in places]

    return Group(CHAIN, tuple(kept), rank), tuple(left_out)
