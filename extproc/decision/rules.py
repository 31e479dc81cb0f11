"""Rules: `{condition, provider}`; the first that holds puts its provider first.

Law: nothing in a condition can raise, hang or reach anything but the facts. A condition that has no value for a request
does not hold, and says which fact is missing. A rule whose provider is not among the candidates is passed over.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from extproc.decision.conditions import Condition, WrongCondition, compiled
from extproc.decision.nearest import shown
from extproc.facts.request import Facts
from extproc.snapshot import Rule


def problems_of(condition: str) -> str | None:
    """What is wrong with a condition, for the person who wrote it; None: nothing."""
    try:
        compiled(condition)
    except WrongCondition as problem:
        return str(problem)
    return None


@dataclass(frozen=True, slots=True)
class Applied:
    """What the rules say of one request."""

    provider: str | None = None  # stands first
    words: str = ""  # `rule 1: tokens < 1000`
    valueless: tuple[tuple[str, str], ...] = ()  # (provider, why): rules before it that have no value


def apply(rules: Sequence[Rule], facts: Facts, providers: Collection[str]) -> Applied:
    valueless: list[tuple[str, str]] = []
    for number, rule in enumerate(rules, 1):
        if rule.provider not in providers:
            continue
        condition = _read(rule.condition)
        if condition is not None and condition.holds(facts):
            return Applied(rule.provider, f"rule {number}: {shown(rule.condition)}", tuple(valueless))
        absent = condition.absent(facts) if condition is not None else ()
        if absent:
            why = f"rule {number} does not hold, because there is no {', '.join(absent)}"
            valueless.append((rule.provider, why))
    return Applied(valueless=tuple(valueless))


def _read(condition: str) -> Condition | None:
    """None: it is none. The configuration has said so, so no snapshot has one."""
    try:
        return compiled(condition)
    except WrongCondition:
        return None
