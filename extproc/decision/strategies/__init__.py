"""Strategies by kind: how candidates are put into an order.

Law: a kind stands here once, with its other names; a strategy is found by its key in the configuration, else by a kind
or another name, with default settings.
"""

from collections.abc import Mapping
from typing import Final

from extproc.decision.strategies.contract import Ranked, Strategy
from extproc.decision.strategies.ordered import Ordered
from extproc.decision.strategies.weighted import Weighted
from extproc.snapshot import StrategySpec

DEFAULT: Final = "default"  # the strategy of every route that names none
KINDS: Final[Mapping[str, Strategy]] = {"ordered": Ordered(), "weighted": Weighted()}
OTHER_NAMES: Final[Mapping[str, str]] = {
    "order": "ordered",
    "priority": "ordered",
    "failover": "ordered",
    "weights": "weighted",
    "weighted_random": "weighted",
    "weighted-random": "weighted",
}

__all__ = ["DEFAULT", "KINDS", "OTHER_NAMES", "Ranked", "Strategy", "find_strategy", "names_of_strategies"]


def find_strategy(name: str, configured: Mapping[str, StrategySpec]) -> tuple[StrategySpec, Strategy] | None:
    """None: no strategy, and no kind, has this name."""
    spec = configured.get(name)
    if spec is None:
        kind = OTHER_NAMES.get(name, name)
        spec = StrategySpec(name=kind, kind=kind)
    strategy = KINDS.get(OTHER_NAMES.get(spec.kind, spec.kind))
    return None if strategy is None else (spec, strategy)


def names_of_strategies(configured: Mapping[str, StrategySpec]) -> list[str]:
    return [*configured, *(name for name in (*KINDS, *OTHER_NAMES) if name not in configured)]
