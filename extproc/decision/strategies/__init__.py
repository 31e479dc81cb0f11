"""Strategies by kind: how candidates are put into an order.

Law: a kind stands here once, with its other names; a strategy is found by its key in the configuration, else by a kind
or another name, with default settings.
"""

from collections.abc import Mapping
from typing import Final

from extproc.decision.strategies.canary import Canary
from extproc.decision.strategies.contract import Circumstances, Ranked, Strategy
from extproc.decision.strategies.ordered import Ordered
from extproc.decision.strategies.weighted import Weighted
from extproc.snapshot import StrategySpec

DEFAULT: Final = "default"  # the strategy of every route that names none
KINDS: Final[Mapping[str, Strategy]] = {"ordered": Ordered(), "weighted": Weighted(), "canary": Canary()}
# Written with `_`; `-` is the same.
OTHER_NAMES: Final[Mapping[str, str]] = {
    "order": "ordered",
    "priority": "ordered",
    "failover": "ordered",
    "weights": "weighted",
    "weighted_random": "weighted",
    "rollout": "canary",
    "split": "canary",
    "ab": "canary",
    "a_b": "canary",
}

__all__ = [
    "DEFAULT",
    "KINDS",
    "OTHER_NAMES",
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


def find_strategy(name: str, configured: Mapping[str, StrategySpec]) -> tuple[StrategySpec, Strategy] | None:
    """None: no strategy, and no kind, has this name."""
    spec = configured.get(name)
    kind = kind_of(spec.kind if spec is not None else name)
    if kind is None:
        return None
    return spec or StrategySpec(name=kind, kind=kind), KINDS[kind]


def names_of_strategies(configured: Mapping[str, StrategySpec]) -> list[str]:
    return [*configured, *(name for name in (*KINDS, *OTHER_NAMES) if name not in configured)]
