"""Kinds of strategy and their other names, as the decision room knows them.

Law: a strategy is asked for by its key in `strategies`, else by a kind, else by another name of a kind; the compiled
configuration holds only the first two.
"""

from typing import Final

from extproc.decision.strategies import KINDS as STRATEGIES
from extproc.decision.strategies import OTHER_NAMES, SCORERS, kind_of

__all__ = ["KINDS", "MEASURING", "NEED_SETTINGS", "OTHER_NAMES", "kind_of"]

KINDS: Final = frozenset(STRATEGIES)
# These give each candidate a score, so they can be blended, and can say who is about as good as the best.
MEASURING: Final = frozenset(SCORERS)
# These are nothing without settings of their own, so no name but that of a configured strategy can ask for them.
NEED_SETTINGS: Final = {"blend": "scores", "canary": "stable"}
