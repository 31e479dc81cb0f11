"""Strategies by kind: how candidates are put into an order.

Law: a kind stands here once, with its other names; a strategy is found by its key in the configuration, else by a kind
or another name, with default settings. `-` and `_` are the same in all of them.
"""

from collections.abc import Mapping
from typing import Final

from extproc.decision.strategies.blend import Blend
from extproc.decision.strategies.canary import Canary
from extproc.decision.strategies.capability import ByCapability
from extproc.decision.strategies.code import ForCode
from extproc.decision.strategies.composed import Composed
from extproc.decision.strategies.contract import Circumstances, Ranked, Scorer, Strategy
from extproc.decision.strategies.cost import ClusterFirst, Cost, ExternalFirst, Hybrid
from extproc.decision.strategies.latency import Latency
from extproc.decision.strategies.load import LeastConnections, RoundRobin, TokenBalance
from extproc.decision.strategies.long_context import LongContext
from extproc.decision.strategies.ordered import Ordered
from extproc.decision.strategies.quality import ByQuality
from extproc.decision.strategies.region import ByRegion
from extproc.decision.strategies.scored import Scored
from extproc.decision.strategies.sticky import Sticky
from extproc.decision.strategies.weighted import Weighted
from extproc.snapshot import StrategySpec

DEFAULT: Final = "default"  # the strategy of every route that names none
# Written with `_`; `-` is the same.
OTHER_NAMES: Final[Mapping[str, str]] = {
    "order": "ordered",
    "priority": "ordered",
    "failover": "ordered",
    "weights": "weighted",
    "weighted_random": "weighted",
    "cost_optimized": "cost",
    "least_cost": "cost",
    "lowest_cost": "cost",
    "cost_first": "cost",
    "performance_optimized": "latency",
    "performance_based": "latency",
    "fast": "latency",
    "lowest_latency": "latency",
    "latency_first": "latency",
    "rollout": "canary",
    "split": "canary",
    "ab": "canary",
    "a_b": "canary",
    "quality_focused": "quality",
    "best": "quality",
    "highest_quality": "quality",
    "longest_context": "long_context",
    "code_generation": "code",
    "coding": "code",
    "capabilities": "capability",
    "capability_based": "capability",
    "nearest": "region",
    "geo": "region",
    "consistent_hash": "sticky",
}

__all__ = [
    "DEFAULT",
    "KINDS",
    "OTHER_NAMES",
    "SCORERS",
    "Circumstances",
    "Ranked",
    "Strategy",
    "find_strategy",
    "kind_of",
    "names_of_strategies",
]


def kind_of(name: str) -> str | None:
    """The kind that a name stands for."""
    plain = name.replace("-", "_")
    kind = OTHER_NAMES.get(plain, plain)
    return kind if kind in KINDS else None


SCORERS: Final[Mapping[str, Scorer]] = {  # what can be blended
    "cost": Cost(),
    "hybrid": Hybrid(),
    "cluster_first": ClusterFirst(),
    "external_first": ExternalFirst(),
    "latency": Latency(),
    "round_robin": RoundRobin(),
    "least_connections": LeastConnections(),
    "token_balance": TokenBalance(),
    "quality": ByQuality(),
    "long_context": LongContext(),
    "code": ForCode(),
    "capability": ByCapability(),
    "region": ByRegion(),
    "sticky": Sticky(),
}
KINDS: Final[Mapping[str, Strategy]] = {
    "ordered": Ordered(),
    "weighted": Weighted(),
    **{kind: Scored(scorer) for kind, scorer in SCORERS.items()},
    "blend": Scored(Blend(SCORERS, kind_of)),
    "canary": Canary(),
}
COMPOSED: Final = Composed(KINDS, kind_of)  # any of them, with what its spec puts around it


def find_strategy(name: str, configured: Mapping[str, StrategySpec]) -> tuple[StrategySpec, Strategy] | None:
    """None: no strategy, and no kind, has this name."""
    spec = configured.get(name) or configured.get(name.replace("-", "_")) or configured.get(name.replace("_", "-"))
    kind = kind_of(spec.kind if spec is not None else name)
    if kind is None:
        return None
    return spec or StrategySpec(name=kind, kind=kind), COMPOSED


def names_of_strategies(configured: Mapping[str, StrategySpec]) -> list[str]:
    return [*configured, *(name for name in (*KINDS, *OTHER_NAMES) if name not in configured)]
