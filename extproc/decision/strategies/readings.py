"""What a measure says now: a number that can be reckoned with, or that nobody knows, and whether it is only too old.

Law: what is missing, stale or no number is unknown, and never 0.
"""

import math
from typing import Final, NamedTuple

from extproc.decision.plan import Measure, fresh


class Reading(NamedTuple):
    value: float | None
    stale: bool


MISSING: Final = Reading(None, False)
STALE: Final = Reading(None, True)


def read(measure: Measure | None, now: float) -> Reading:
    """Of a quantity, which is never below 0."""
    if measure is None:
        return MISSING
    value = fresh(measure, now)
    if value is None:
        return STALE
    return Reading(value if 0 <= value < math.inf else None, False)
