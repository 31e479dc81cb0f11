"""Which pair translates between two dialects. A new pair is a new line here."""

from collections.abc import Mapping
from typing import Final

from extproc.snapshot import OPENAI_SHAPED
from extproc.translation.openai_openai import OpenAIToOpenAI
from extproc.translation.pair import Pair

_OPENAI: Final = OpenAIToOpenAI()
PAIRS: Final[Mapping[tuple[str, str], Pair]] = {("openai", dialect): _OPENAI for dialect in OPENAI_SHAPED}


def pair_for(caller_dialect: str, provider_dialect: str) -> Pair | None:
    return PAIRS.get((caller_dialect, provider_dialect))
