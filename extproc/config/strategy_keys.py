"""Which keys of a strategy go with which kinds.

Law: one table. A key that its kind does not read is an error that says with which kinds it goes. A kind that only
breaks ties, or is one of those that are blended, reads its keys there too.
"""

from typing import Final

from extproc.config.kinds import KINDS, MEASURING, kind_of
from extproc.config.problems import PathParts
from extproc.config.report import Report
from extproc.config.schema_strategies import StrategyKeys

_CANARY: Final = frozenset({"canary"})
_COSTS: Final = frozenset({"cost", "hybrid", "cluster_first", "external_first"})
# Shares, or factors on a score. What the others score has no measure that a factor could stretch.
_WEIGHED: Final = _COSTS | {
    "weighted",
    "blend",
    "latency",
    "least_connections",
    "round_robin",
    "sticky",
    "token_balance",
}
_SCORED: Final = MEASURING | {"blend"}
ROLLOUT_KEYS: Final = (
    *("stable", "canary", "split", "traffic_split", "steps", "step_every"),
    *("sticky", "success_criteria", "window", "min_samples", "webhook"),
)
GOES_WITH: Final[dict[str, frozenset[str]]] = {
    "targets": KINDS - _CANARY,
    "weights": _WEIGHED,
    "rules": KINDS - _CANARY,
    "among": KINDS - _CANARY,
    "ties": _SCORED,
    "scores": frozenset({"blend"}),
    "unpriced": _COSTS,
    "cluster_cost_threshold": frozenset({"hybrid"}),
    "max_queue_depth": _COSTS | {"latency"},
    "max_latency": _COSTS | {"latency"},
    "sticky_by": frozenset({"sticky"}),
    "regions": frozenset({"region"}),
    **dict.fromkeys(ROLLOUT_KEYS, _CANARY),
}
_ONLY_OUTSIDE: Final = ("targets", "rules")  # the strategy that orders has them for both


def check_keys(keys: StrategyKeys, kind: str, path: PathParts, report: Report) -> None:
    """That every key is one that something reads. An unknown kind has had its problem."""
    if kind not in KINDS:
        return
    reading = {kind, *filter(None, map(kind_of, _named(keys)))}
    for key, kinds in GOES_WITH.items():
        if key not in keys.model_fields_set or reading & kinds:
            continue
        if len(kinds) == 1:
            report.add((*path, key), f"goes only with `kind: {next(iter(kinds))}`")
        else:
            report.add((*path, key), f"does not go with `kind: {keys.kind}`", f"it goes with {_listed(kinds)}")


def check_inside(keys: StrategyKeys, path: PathParts, report: Report) -> None:
    """What may not stand in a strategy that only limits another."""
    for key in _ONLY_OUTSIDE:
        if key in keys.model_fields_set:
            report.add((*path, key), "does not go inside `among`", "write it at the strategy that orders")


def _named(keys: StrategyKeys) -> tuple[str, ...]:
    return (*keys.scores, *([keys.ties] if keys.ties else []))


def _listed(kinds: frozenset[str]) -> str:
    missing = sorted(KINDS - kinds)
    if len(missing) < len(kinds):
        return f"all kinds but {', '.join(missing)}"
    return ", ".join(f"`{kind}`" for kind in sorted(kinds))
