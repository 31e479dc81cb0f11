"""Kinds of strategy and their other names.

Law: a strategy is asked for by its key in `strategies`, else by a kind, else by another name of a kind; the compiled
configuration holds only the first two.
"""

from extproc.config.later import LATER_KINDS

LANDED_KINDS: frozenset[str] = frozenset({"ordered", "weighted"})
OTHER_NAMES: dict[str, str] = {
    "priority": "ordered",
    "failover": "ordered",
    "weighted_random": "weighted",
    "cost_optimized": "cost",
    "lowest_cost": "cost",
    "performance_optimized": "latency",
    "lowest_latency": "latency",
}
KINDS: frozenset[str] = LANDED_KINDS | LATER_KINDS


def kind_of(name: str) -> str | None:
    """The kind that a name stands for; `-` and `_` are the same."""
    plain = name.replace("-", "_")
    kind = OTHER_NAMES.get(plain, plain)
    return kind if kind in KINDS else None
