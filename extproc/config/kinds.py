"""Kinds of strategy and their other names, those that have not landed included.

Law: a strategy is asked for by its key in `strategies`, else by a kind, else by another name of a kind; the compiled
configuration holds only the first two. What has landed is what the decision room knows.
"""

from typing import Final

from extproc.config.later import LATER_KINDS
from extproc.decision import strategies

LANDED_KINDS: frozenset[str] = frozenset(strategies.KINDS)
OTHER_NAMES: dict[str, str] = {
    **strategies.OTHER_NAMES,
}
KINDS: frozenset[str] = LANDED_KINDS | LATER_KINDS
# These give each candidate a score, so they can be blended, and can say who is about as good as the best.
MEASURING: Final[frozenset[str]] = frozenset(strategies.SCORERS) | LATER_KINDS - {"canary"}
# These are nothing without settings of their own, so no name but that of a configured strategy can ask for them.
NEED_SETTINGS: Final[dict[str, str]] = {"blend": "scores", "canary": "stable"}


def kind_of(name: str) -> str | None:
    """The kind that a name stands for; `-` and `_` are the same."""
    plain = name.replace("-", "_")
    kind = OTHER_NAMES.get(plain, plain)
    return kind if kind in KINDS else None
