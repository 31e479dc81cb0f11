"""`decide`: the one function that makes a plan. See the package's law.

question (what was asked, by whom, on which route) → gather (who is considered) → sift (who may and can) → rank (each
group by its strategy) → cut to `max_attempts`. A candidate is kept if, and only if, it stands in the plan.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from extproc.decision.addressed import gather_addressed
from extproc.decision.contender import Contender
from extproc.decision.gather import gather
from extproc.decision.plan import Candidate, Decision, Observations, Plan, Step
from extproc.decision.question import Question, question_of
from extproc.decision.sift import none_chosen, sift
from extproc.decision.strategies import Ranked
from extproc.decision.written import CHAIN, Group
from extproc.dialects.endpoints import is_by_provider
from extproc.dialects.losses import decisive
from extproc.facts.request import Facts
from extproc.refusal import Refusal
from extproc.snapshot import Snapshot, Target

FIRST_BYTE_STREAMED: Final = 60.0
FIRST_BYTE: Final = 600.0  # a non-streaming answer may be silent for minutes


def decide(facts: Facts, snapshot: Snapshot, observations: Observations, now: float, draw: float) -> Decision:
    """The plan for these facts, or the refusal, with every candidate that was considered.

    `now` is the clock of `observations`; `draw` is one uniform number in [0, 1): all the dice a decision gets.
    """
    question = question_of(facts, snapshot, observations, now, draw)
    if isinstance(question, Refusal):
        return Decision(question)
    by_provider = is_by_provider(facts.endpoint)
    gathered = gather_addressed(question) if by_provider else gather(question)
    if not gathered.groups:
        return _refused(gathered.refusal, (), gathered.left_out)
    sifted = sift(question, _once(one for group in gathered.groups for one in group.contenders))
    if sifted.refusal is not None:
        return _refused(sifted.refusal, sifted.dropped, gathered.left_out)
    most = 1 if by_provider else max(question.route.failover.max_attempts, 1)
    ranked = _whole_first(question, _rank(gathered.groups, sifted.kept), most)
    chosen = [(strategy, one) for strategy, one in ranked if one.chosen]
    never = tuple(_candidate(one, False, one.reason) for _, one in ranked if not one.chosen)
    if not chosen:
        refusal = none_chosen(question, [one for _, one in ranked])
        return _refused(refusal, (*never, *sifted.dropped), gathered.left_out)
    kept = tuple(_candidate(one, True, one.reason) for _, one in chosen[:most])
    cut = tuple(
        _candidate(one, False, f"{one.reason}; behind the {most} that max_attempts allows") for _, one in chosen[most:]
    )
    candidates = _told_once((*kept, *cut, *never, *sifted.dropped, *gathered.left_out))
    return Decision(_plan(question, chosen[0][0], [one for _, one in chosen[:most]]), candidates)


def _rank(groups: Sequence[Group], kept: Sequence[Contender]) -> list[tuple[str, Ranked]]:
    """Each group in its order, one behind the other; a target stands where it came first. A chain is where to go when
    the strategy's first choice fails, so it stands behind that one and before the strategy's others."""
    if len(groups) == 1:
        return [(groups[0].strategy, one) for one in groups[0].rank(kept)]
    left = {one.target for one in kept}
    if groups[-1].strategy != CHAIN:
        return _in_turn(groups, left)
    chosen = _in_turn(groups[:-1], left)
    first = next(((strategy, one) for strategy, one in chosen if one.chosen), None)
    if first is None:
        return _in_turn(groups, left)
    chain = _in_turn(groups[-1:], left - {first[1].contender.target})
    placed = {first[1].contender.target, *(one.contender.target for _, one in chain)}
    return [first, *chain, *(pair for pair in chosen if pair[1].contender.target not in placed)]


def _whole_first(question: Question, ranked: list[tuple[str, Ranked]], most: int) -> list[tuple[str, Ranked]]:
    """Whoever would lose something that makes another answer of it stands behind all that would not.

    Looked at are only as many as it takes to fill a plan.
    """
    features = question.facts.features
    if not features or question.route.on_loss == "drop":
        return ranked
    first: list[tuple[str, Ranked]] = []
    behind: list[tuple[str, Ranked]] = []
    wanted = most
    for place, (strategy, one) in enumerate(ranked):
        if not wanted:
            return [*first, *behind, *ranked[place:]]
        lost = one.contender.loses(features) if one.chosen else ()
        if not decisive(lost):
            ahead = f"; ahead of {behind[0][1].contender.target}, which loses something" if behind and not first else ""
            first.append((strategy, one._replace(reason=one.reason + ahead)))
            wanted -= one.chosen
        else:
            behind.append((strategy, one._replace(reason=f"{one.reason}; it cannot be told {', '.join(lost)}")))
    return [*first, *behind]


def _in_turn(groups: Iterable[Group], left: set[Target]) -> list[tuple[str, Ranked]]:
    ranked: list[tuple[str, Ranked]] = []
    for group in groups:
        here = [one for one in _once(group.contenders) if one.target in left]
        if here:
            ranked += [(group.strategy, one) for one in group.rank(here)]
            left = left - {one.target for one in here}
    return ranked


def _plan(question: Question, strategy: str, steps: Sequence[Ranked]) -> Plan:
    failover = question.route.failover
    first = steps[0].contender.provider
    default = FIRST_BYTE_STREAMED if question.facts.stream else FIRST_BYTE
    return Plan(
        steps=tuple(Step(one.contender.target, one.reason, one.code) for one in steps),
        strategy=strategy,
        reason=_narrowed(question, first.name) + steps[0].reason,
        first_byte_timeout=failover.first_byte_timeout or first.timeout or default,
        first_event=failover.first_event,
        fallback_on=failover.fallback_on,
        arm=steps[0].arm,
    )


def _narrowed(question: Question, first: str) -> str:
    if question.provider != first:
        return ""
    by_caller = question.facts.provider or (question.facts.model or "").startswith(f"{first}/")
    return f"provider {first} was asked for; " if by_caller else f"the route is for provider {first}; "


def _refused(refusal: Refusal | None, dropped: Iterable[Candidate], left_out: Iterable[Candidate]) -> Decision:
    assert refusal is not None  # who has no groups has a refusal: the law of Gathered
    return Decision(refusal, _told_once((*dropped, *left_out)))


def _candidate(ranked: Ranked, kept: bool, reason: str) -> Candidate:
    return Candidate(ranked.contender.target, kept, reason, ranked.score)


def _once(contenders: Iterable[Contender]) -> list[Contender]:
    first: dict[Target, Contender] = {}
    for contender in contenders:
        first.setdefault(contender.target, contender)
    return list(first.values())


def _told_once(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The first that is said of a target is what happened to it."""
    told: dict[Target, Candidate] = {}
    for candidate in candidates:
        told.setdefault(candidate.target, candidate)
    return tuple(told.values())
