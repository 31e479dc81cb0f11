"""Strategies of the schema → of the snapshot: their kinds, what limits them, what breaks their ties.

Law: a strategy that another one names in its `among` is written out there, so that the snapshot holds each whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from extproc.config.compile_clusters import check_positive
from extproc.config.compile_egress import Egress
from extproc.config.compile_rollout import compile_rollout, proxy_to
from extproc.config.credentials import Secret
from extproc.config.kinds import MEASURING, NEED_SETTINGS, kind_of
from extproc.config.problems import PathParts
from extproc.config.references import (
    Names,
    check_once,
    check_provider,
    check_weights,
    kind_written,
    strategy_named,
    target_or_provider,
)
from extproc.config.report import Report
from extproc.config.schema_strategies import StrategyKeys
from extproc.config.strategy_keys import check_inside, check_keys
from extproc.config.strategy_values import regions_of, scores_of, sticky_by_of, ties_of
from extproc.decision.rules import problems_of
from extproc.money import nanos
from extproc.snapshot import Rule, StrategySpec

DEEPEST: Final = 5  # strategies inside one another
_NAMELESS: Final = ""  # a strategy that is written out inside another
_STICKY_BY: Final = StrategySpec("", "").sticky_by


@dataclass(frozen=True, slots=True)
class _Around:
    """What a strategy is compiled in."""

    written: Mapping[str, StrategyKeys]  # all that are configured
    names: Names
    egress: Egress
    report: Report


def compile_strategies(
    written: Mapping[str, StrategyKeys], names: Names, egress: Egress, report: Report
) -> tuple[dict[str, StrategySpec], dict[str, Secret]]:
    """The strategies, and the addresses that their rollouts are announced at."""
    around = _Around(written, names, egress, report)
    specs: dict[str, StrategySpec] = {}
    webhooks: dict[str, Secret] = {}
    for name, keys in written.items():
        path: PathParts = ("strategies", name)
        specs[name], webhook = _outer(name, keys, path, around)
        if keys.within is not None and keys.among is None:
            report.add((*path, "within"), "goes only with `among`", "it says how much that one's best is exceeded")
        if webhook is not None:
            webhooks[name] = webhook
    return specs, webhooks


def _outer(name: str, keys: StrategyKeys, path: PathParts, around: _Around) -> tuple[StrategySpec, Secret | None]:
    names, report = around.names, around.report
    check_once(keys.targets, (*path, "targets"), report)
    targets = [
        target_or_provider(text, (*path, "targets", place), names, report) for place, text in enumerate(keys.targets)
    ]
    spec = _spec(name, keys, path, around, (name,))
    rollout, webhook = None, None
    if spec.kind == "canary":
        rollout, webhook = compile_rollout(keys, path, names, report)
    found = tuple(one for one in targets if one is not None)
    proxy = proxy_to(webhook, around.egress) if webhook is not None else None
    rules = _rules(keys, path, around)
    return replace(spec, targets=found, rules=rules, rollout=rollout, webhook_proxy=proxy), webhook


def _spec(
    name: str, keys: StrategyKeys, path: PathParts, around: _Around, above: tuple[str, ...], inside: bool = False
) -> StrategySpec:
    """All but what only an outermost strategy has. `above`: those in which it stands, itself the last. `inside`: it is
    written inside an `among`, so `within` is its own."""
    report = around.report
    kind = kind_written(keys.kind, (*path, "kind"), report)
    check_keys(keys, kind, path, report)
    for text in keys.weights:
        target_or_provider(text, (*path, "weights", text), around.names, report)
    check_weights(keys.weights, (*path, "weights"), report)
    check_positive(keys.max_latency, (*path, "max_latency"), report)
    threshold, regions, by = keys.cluster_cost_threshold, keys.regions, keys.sticky_by
    return StrategySpec(
        name,
        kind,
        weights=dict(keys.weights),
        among=_among(keys, path, around, above, inside),
        within=keys.within if inside else None,
        ties=ties_of(keys, kind, path, report),
        scores=scores_of(keys, kind, path, report),
        unpriced=keys.unpriced,
        cluster_cost_threshold=None if threshold is None else nanos(threshold),
        max_queue_depth=keys.max_queue_depth,
        max_latency=keys.max_latency,
        sticky_by=sticky_by_of(by, path, report) if by is not None else _STICKY_BY,
        regions=regions_of(regions, path, report) if regions is not None else (),
    )


# --- strategies in strategies ----------------------------------------------------------------------------------------


def _among(
    keys: StrategyKeys, path: PathParts, around: _Around, above: tuple[str, ...], inside: bool
) -> StrategySpec | None:
    written, here = keys.among, (*path, "among")
    if written is None:
        return None
    if len(above) > DEEPEST:
        around.report.add(here, f"strategies stand inside one another deeper than {DEEPEST} levels")
        return None
    inner = _named(written, here, around, above) if isinstance(written, str) else _inside(written, here, around, above)
    if inner is None or inside or keys.within is None:
        return inner
    if inner.within is not None:
        around.report.add((*path, "within"), "stands inside `among` too", "keep one of them")
    return replace(inner, within=keys.within)


def _inside(keys: StrategyKeys, path: PathParts, around: _Around, above: tuple[str, ...]) -> StrategySpec | None:
    check_inside(keys, path, around.report)
    kind = kind_of(keys.kind)
    if not _measures(kind, (*path, "kind"), around.report):
        return None
    return _spec(kind or keys.kind, keys, path, around, (*above, _NAMELESS), inside=True)


def _named(name: str, path: PathParts, around: _Around, above: tuple[str, ...]) -> StrategySpec | None:
    """A strategy of `strategies`, written out; else a kind with its default settings."""
    name = strategy_named(name, path, around.names, around.report)
    if name not in around.names.strategies:
        usable = name not in NEED_SETTINGS and _measures(kind_of(name), path, around.report)
        return StrategySpec(name, name) if usable else None
    if name in above:
        _say_circle(above[above.index(name) :], path, around)
        return None
    keys = around.written.get(name)
    if keys is None:  # what is wrong with it has been said
        return None
    for key in ("targets", "rules"):
        if key in keys.model_fields_set:
            around.report.add(path, f"`{name}` has `{key}`, which do not go inside `among`", "name one without them")
    if not _measures(kind_of(keys.kind), path, around.report):
        return None
    return _spec(name, keys, ("strategies", name), around, (*above, name))


def _say_circle(circle: tuple[str, ...], path: PathParts, around: _Around) -> None:
    """Once, from the first of them in the file."""
    first = next(name for name in around.written if name in circle)
    if circle[0] == first:
        shown = " → ".join(name for name in (*circle, first) if name != _NAMELESS)
        around.report.add(path, f"`{first}` stands inside itself: {shown}")


def _measures(kind: str | None, path: PathParts, report: Report) -> bool:
    """Only who gives scores can say who is about as good as the best."""
    if kind is not None and kind not in MEASURING and kind != "blend":
        report.add(path, f"`{kind}` gives no scores, so it limits nobody", f"these do: {', '.join(sorted(MEASURING))}")
    return kind is None or kind in MEASURING or kind == "blend"


def _rules(keys: StrategyKeys, path: PathParts, around: _Around) -> tuple[Rule, ...]:
    for place, rule in enumerate(keys.rules):
        here = (*path, "rules", place)
        check_provider(rule.provider, (*here, "provider"), around.names, around.report)
        wrong = problems_of(rule.condition)
        if wrong is not None:
            around.report.add((*here, "condition"), wrong)
    return tuple(Rule(rule.condition, rule.provider) for rule in keys.rules)
