"""How much to think: OpenAI's words for it, and what they are in tokens.

Law: one scale for all APIs that count thinking in tokens and have no words of their own for it. An effort that a model
does not take is its next lower one; where it takes none that is lower, its least.
"""

from collections.abc import Collection, Mapping
from typing import Final

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")  # from the least to the most
BUDGETS: Final[Mapping[str, int]] = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16_384,
    "xhigh": 24_576,
    "max": 32_000,
}


def effort_of(budget: int) -> str:
    """The least one that thinks as long."""
    return next((effort for effort, tokens in BUDGETS.items() if budget <= tokens), "max")


def nearest(asked: str, taken: Collection[str]) -> str | None:
    """Of those that the model takes; `none` only for itself: not to think is another thing than to think little."""
    if asked in taken:
        return asked
    levels = [effort for effort in EFFORTS if effort in taken and effort != "none"]
    lower = [effort for effort in levels if EFFORTS.index(effort) < EFFORTS.index(asked)]
    return lower[-1] if lower else next(iter(levels), None)
