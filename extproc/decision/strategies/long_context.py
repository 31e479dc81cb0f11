"""`long_context`: the largest known context first, of equal ones the better model, the unknown last.

Who is too small for the prompt, or for what the requirements ask, is not here any more.
"""

import math
from collections.abc import Sequence

from extproc.decision.contender import Contender
from extproc.decision.strategies import codes
from extproc.decision.strategies.contract import Circumstances, Score
from extproc.decision.strategies.quality import quality_of


class LongContext:
    def scores(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Score]:
        return [_score(one) for one in candidates]


def _score(contender: Contender) -> Score:
    if contender.context is None:
        return Score(None, "its context is not known", unknown="last", code=codes.CONTEXT_UNKNOWN)
    quality = quality_of(contender).value
    part_of_a_token = 0.5 + math.atan(quality) / math.pi  # between 0 and 1, so it decides between equals alone
    words = f"a context of {contender.context} tokens"
    return Score(-(contender.context + part_of_a_token), words, code=codes.CONTEXT)
