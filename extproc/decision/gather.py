"""Who is considered: the name asked for → groups of contenders, one behind the other.

Law: an alias is its targets in their order, whatever the strategy. Else a strategy that was named ranks, with the
route's chain behind it; else the chain is the order; else the default strategy ranks. A provider that was asked for
narrows to it, and only `fallback_enabled` puts behind it what the plan would have been without it. Whoever could have
been meant and is in no group is told why.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from extproc.decision.contender import ANY_NAME, NAMED, Contender
from extproc.decision.lookup import Listing
from extproc.decision.nearest import hint, shown
from extproc.decision.plan import Candidate
from extproc.decision.question import Question
from extproc.decision.strategies import Circumstances, Ranked
from extproc.decision.strategies.ruled import rank_by_rules
from extproc.decision.written import GONE, UNRESOLVED, Group, alias_group, chain_group, resolved, written
from extproc.dialects.endpoints import BY_NAME
from extproc.refusal import Reason, Refusal
from extproc.snapshot import RolloutSpec


@dataclass(frozen=True, slots=True)
class Gathered:
    groups: tuple[Group, ...] = ()
    left_out: tuple[Candidate, ...] = ()
    refusal: Refusal | None = None  # where the groups are empty


def gather(question: Question) -> Gathered:
    if question.provider is None:
        return _whole(question)
    whole = _whole(replace(question, provider=None))
    narrow = _narrow(question, question.index.listings[question.provider])
    if question.facts.fallback_enabled:
        groups = (*narrow.groups, *whole.groups)
        return Gathered(groups, narrow.left_out + whole.left_out, None if groups else narrow.refusal)
    reason = f"provider {question.provider} was asked for"
    others = (one for group in whole.groups for one in group.contenders if one.provider.name != question.provider)
    return replace(narrow, left_out=narrow.left_out + _dropped(others, reason))


def _whole(question: Question) -> Gathered:
    """The plan of the name alone."""
    if question.alias is not None:
        targets = question.snapshot.aliases[question.alias]
        contenders, left_out = written(question, targets)
        if not contenders:
            return Gathered((), left_out, not_found(question, f"no target of alias {question.alias} is left"))
        return Gathered((alias_group(question.alias, targets, contenders),), left_out)
    contenders = _serving(question)
    if question.name is not None and not contenders:
        asked = shown(question.name)
        return Gathered(refusal=not_found(question, f"nothing serves a model called {asked}"))
    chain, skipped = chain_group(question)
    if chain is not None and not question.strategy_named:
        left_out = skipped + _dropped(contenders, "the route's chain does not name it")
        empty = None if chain.contenders else not_found(question, "no entry of the route's chain serves this request")
        return Gathered((chain,) if chain.contenders else (), left_out, empty)
    ranked = _strategy_groups(question, contenders)
    if chain is None or not chain.contenders:
        return replace(ranked, left_out=ranked.left_out + skipped) if skipped else ranked
    return Gathered((*ranked.groups, chain), ranked.left_out + skipped)


def _narrow(question: Question, listing: Listing) -> Gathered:
    """The plan of the provider alone."""
    if question.alias is not None:
        targets = question.snapshot.aliases[question.alias]
        here = [one for one in targets if one.provider == listing.provider.name]
        contenders, left_out = written(question, here)
        if contenders:
            return Gathered((alias_group(question.alias, targets, contenders),), left_out)
    if question.name is not None:
        found = listing.serve(question.name)
        served = [] if found is None else [found]
    else:
        served = [one for one in _serving(question) if one.provider.name == listing.provider.name]
    if not served and question.name is None and BY_NAME[question.facts.endpoint].body == "opaque":
        served = [listing.unread(question.facts.family)]
    if served:
        return _strategy_groups(question, served)
    what = f"no model called {shown(question.name)}" if question.name else "nothing by itself: name a model"
    return Gathered(refusal=not_found(question, f"provider {listing.provider.name} serves {what}"))


def _serving(question: Question) -> list[Contender]:
    """Everyone that the name could mean."""
    if question.name is not None:
        found = question.index.serving(question.name)
        if found and found[0].tier != ANY_NAME:
            return found
        split = question.index.split(question.name)
        return [split] if split else found
    return list(question.index.autos.get(question.facts.family, ()))


# --- what a strategy ranks -------------------------------------------------------------------------------------------


def _strategy_groups(question: Question, contenders: Sequence[Contender]) -> Gathered:
    left_out: tuple[Candidate, ...] = ()
    arms = _of_the_arms(question, question.spec.rollout, contenders) if question.spec.rollout is not None else None
    if arms is not None:
        contenders, left_out = arms
    elif question.spec.targets:
        contenders, left_out = _limited(question, contenders)
    first = _of_the_route(question, contenders) if arms is None else []  # the arms stand for it together
    groups = [_ranked_group(question, part) for part in (first, _without(contenders, first)) if part]
    if groups:
        return Gathered(tuple(groups), left_out)
    what = f"serves {shown(question.name)}" if question.name else "can be asked without a model"
    name = question.spec.name
    sentence = f"no target of strategy {name} {what}" if question.spec.targets else f"no target {what}"
    return Gathered((), left_out, not_found(question, sentence))


def _ranked_group(question: Question, contenders: Sequence[Contender]) -> Group:
    facts = question.facts

    def rank(kept: Sequence[Contender]) -> Sequence[Ranked]:
        return rank_by_rules(
            question.strategy,
            kept,
            Circumstances(
                facts=facts if facts.model == question.name else replace(facts, model=question.name),
                spec=question.spec,
                snapshot=question.snapshot,
                observations=question.observations,
                now=question.now,
                draw=question.draw,
            ),
        )

    return Group(question.spec.name, tuple(contenders), rank)


def _of_the_route(question: Question, contenders: Sequence[Contender]) -> list[Contender]:
    """Where no model was asked for, the route's own goes first, as far as the strategy's targets allow it."""
    model = question.route.model
    if question.name is not None or not model:
        return []
    targets = question.snapshot.aliases.get(model)
    if targets is not None:
        found = written(question, targets)[0]
    else:
        found = _serving(replace(question, name=model))
    if question.provider is not None:
        found = [one for one in found if one.provider.name == question.provider]
    if question.spec.targets:
        limits = {one.target: one for one in contenders}
        return [limits[one.target] for one in found if one.target in limits]
    return found


def _limited(question: Question, contenders: Sequence[Contender]) -> tuple[list[Contender], tuple[Candidate, ...]]:
    """The strategy's targets, in their order, as far as they serve what was asked for."""
    kept: list[Contender] = []
    left_out: list[Candidate] = []
    for target in question.spec.targets:
        listing = question.index.listings.get(target.provider)
        if question.provider is not None and target.provider != question.provider:
            continue
        if listing is None:
            left_out.append(Candidate(target, False, GONE))
        elif question.name is None:
            found = resolved(question, listing, target.model, len(kept))
            kept += [found] if found else []
            left_out += [] if found else [Candidate(target, False, UNRESOLVED)]
        else:
            same = [one for one in contenders if one.provider.name == target.provider]
            fits = [one for one in same if target.model in ("", one.target.model)]
            kept += [replace(one, tier=NAMED, position=len(kept)) for one in fits]
            if not fits:
                left_out.append(Candidate(target, False, f"it does not serve {shown(question.name)}"))
    reason = f"strategy {question.spec.name} does not name it"
    return kept, (*left_out, *_dropped(_without(contenders, kept), reason))


def _of_the_arms(
    question: Question, rollout: RolloutSpec, contenders: Sequence[Contender]
) -> tuple[list[Contender], tuple[Candidate, ...]] | None:
    """Both arms of a canary, as they are written: whoever asks for what one of them serves may get the other's. None:
    something else was asked for, which is no matter of this canary's."""
    targets = [one for one in (*rollout.stable, *rollout.canary) if question.provider in (None, one.provider)]
    kept, left_out = written(question, targets)
    asked = {one.target for one in contenders}
    if not kept or (question.name is not None and not any(one.target in asked for one in kept)):
        return None
    reason = f"strategy {question.spec.name} does not name it"
    return kept, (*left_out, *_dropped(_without(contenders, kept), reason))


# --- who is not in it ------------------------------------------------------------------------------------------------


def _without(contenders: Iterable[Contender], others: Iterable[Contender]) -> list[Contender]:
    known = {one.target for one in others}
    return [one for one in contenders if one.target not in known]


def _dropped(contenders: Iterable[Contender], reason: str) -> tuple[Candidate, ...]:
    return tuple(Candidate(one.target, False, reason) for one in contenders)


def not_found(question: Question, sentence: str) -> Refusal:
    """With the nearest names; only such as this caller may use on this route."""
    names = hint(question.facts.model, question.usable_names()) if question.facts.model else ""
    return Refusal(Reason.MODEL_NOT_FOUND, sentence + names, param="model")
