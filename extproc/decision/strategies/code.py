"""`code`: models that are made for code first, the best of them before the others; behind them all others by quality.

Law: made for code is what declares the capability `code`, its own or its provider's, or is called so.
"""

from collections.abc import Sequence
from typing import Final

from extproc.decision.contender import Contender
from extproc.decision.strategies import codes
from extproc.decision.strategies.contract import Circumstances, Score
from extproc.decision.strategies.quality import quality_of
from extproc.dialects.model_classes import writes_code

CODE: Final = "code"


class ForCode:
    def scores(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Score]:
        return [_score(one) for one in candidates]


def _score(contender: Contender) -> Score:
    quality = quality_of(contender)
    if CODE in contender.capabilities:
        return Score(-quality.value, "it declares code", code=codes.CODE)
    if writes_code(contender.upstream) or writes_code(contender.target.model):
        return Score(-quality.value, "made for code, by its name", code=codes.CODE)
    return Score(-quality.value, f"not made for code; {quality.words}", band=1, code=codes.QUALITY)
