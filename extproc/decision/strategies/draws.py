"""Weighted draws without replacement out of one uniform number.

Law: a draw decides by the interval of the line it falls into; where it fell within that interval is a uniform number
again, and the next draw's. Weight 0 is never drawn; None (no weight was given) is not drawn either, but stands behind
those that were, in the order given. One number holds the dice of about as many draws as a plan can have places, so
more than these are not drawn but follow as they stand.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MOST_DRAWS: Final = 16  # the most attempts that a plan may have
BELOW_ONE: Final = 1.0 - 2.0**-53


@dataclass(frozen=True, slots=True)
class Drawn:
    index: int
    share: float | None  # its part of the weights that were left when it was drawn; None: it was not drawn


def usable(weight: float | None) -> float | None:
    """A weight that is no number, or below nothing, counts as nothing."""
    return weight if weight is None or (weight > 0 and math.isfinite(weight)) else 0.0


def draw_all(weights: Sequence[float | None], draw: float) -> list[Drawn]:
    """The order of those with a weight above 0 or with none; whose weight is 0 is left out."""
    left = [(index, weight) for index, weight in enumerate(map(usable, weights)) if weight]
    largest = max((weight for _, weight in left), default=1.0)
    left = [(index, weight / largest) for index, weight in left if weight / largest > 0]  # no sum can overflow now
    drawn: list[Drawn] = []
    while left and len(drawn) < MOST_DRAWS:
        place, share, draw = _draw_one([weight for _, weight in left], draw)
        drawn.append(Drawn(left.pop(place)[0], share))
    drawn += [Drawn(index, None) for index, _ in left]
    return drawn + [Drawn(index, None) for index, weight in enumerate(weights) if weight is None]


def _draw_one(weights: Sequence[float], draw: float) -> tuple[int, float, float]:
    """(which, its share, the number for the next draw)."""
    total = math.fsum(weights)
    point = min(max(draw, 0.0), BELOW_ONE) * total
    for place, weight in enumerate(weights):
        if point < weight or place == len(weights) - 1:
            return place, weight / total, min(point / weight, BELOW_ONE)
        point -= weight
    raise AssertionError("there is always a last one")
