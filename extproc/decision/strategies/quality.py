"""`quality`: the best model first. As the operator marked it, else by the class of its name; equals as written.

Law: classes stand on the scale of 0 to 1, so what is marked 0.95 goes before all that are not marked.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from extproc.decision.contender import Contender
from extproc.decision.strategies import codes
from extproc.decision.strategies.contract import Circumstances, Score
from extproc.dialects.model_classes import QualityClass, quality_class

OF_CLASS: Final[Mapping[QualityClass, float]] = {"best": 0.9, "middle": 0.6, "small": 0.3}
_WORDS: Final[Mapping[QualityClass, str]] = {
    "best": "one of the best, by its name",
    "middle": "in the middle, by its name",
    "small": "a small one, by its name",
}


@dataclass(frozen=True, slots=True)
class Quality:
    value: float  # more is better
    words: str


def quality_of(contender: Contender) -> Quality:
    marked = contender.entry.quality if contender.entry is not None else None
    if marked is not None and math.isfinite(marked):
        return Quality(marked, f"quality {marked:g}, as configured")
    of_class = quality_class(contender.upstream)
    if of_class == "middle":  # a deployment's name says nothing, what callers say for it may
        of_class = quality_class(contender.target.model)
    return Quality(OF_CLASS[of_class], _WORDS[of_class])


class ByQuality:
    def scores(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Score]:
        found = (quality_of(one) for one in candidates)
        return [Score(-quality.value, quality.words, code=codes.QUALITY) for quality in found]
