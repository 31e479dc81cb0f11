"""How good and how fast a model is by its name, where nobody has said or measured it.

Law: rough classes and nothing finer, as vendors sell their models (as of November 2026): the large ones, the small
ones, and all others between them. What an operator writes and what was measured goes before any of this. The first
pattern that fits counts, the small ones first, because `gpt-4o-mini` is no `gpt-4o`.
"""

import re
from functools import lru_cache
from typing import Final, Literal

from extproc.dialects.model_names import plain_name

QualityClass = Literal["best", "middle", "small"]
SpeedClass = Literal["fast", "middle", "slow"]

_SMALL: Final = re.compile(
    r"(?:^|[-_.])(?:flash|haiku|mini|nano|lite|micro|small|tiny|instant|light|express)(?=$|[-_.\d])"
    r"|gpt-3|gpt-35|ministral|mistral-nemo|open-mistral|mistral-7b|phi-?\d|gemma|babbage|command-r(?:7b)?(?=$|-0)"
)
# Billions of parameters, up to fourteen: `llama-3.1-8b`, `llama3:8b`, `qwen2.5-coder:1.5b`; not `a22b`, `8x7b`, `70b`.
_FEW_PARAMETERS: Final = re.compile(r"(?:^|[-_:])(?:\d|1[0-4])(?:\.\d+)?b(?=$|[-_:.])")
_BEST: Final = re.compile(
    r"opus|fable|mythos|chatgpt-4o|gpt-[4-9]|(?:^|-)o[134](?=$|-)|gemini-(?:.*-)?(?:pro|ultra)|mistral-large"
    r"|magistral-medium|command-(?:a|r-plus)|deepseek-(?:r1|reasoner|v[3-9])|grok-[3-9]|405b|nova-(?:pro|premier)"
    r"|qwen.*-max"
)
# They think before they answer, whatever their size.
_THINKS: Final = re.compile(r"(?:^|-)o[134](?=$|-)|-pro-|reason|thinking|deepseek-r1|magistral|qwq|opus|405b")
_CODE: Final = re.compile(r"(?<!de)(?<!en)code|codestral|codex|devstral")


@lru_cache(maxsize=4096)
def quality_class(model: str) -> QualityClass:
    plain = plain_name(model)
    if _SMALL.search(plain) or _FEW_PARAMETERS.search(_as_written(model)):
        return "small"
    return "best" if _BEST.search(plain) else "middle"


@lru_cache(maxsize=4096)
def speed_class(model: str) -> SpeedClass:
    """How soon its first token comes. Small models are fast; those that think first are slow, also the small ones."""
    plain = plain_name(model)
    if _THINKS.search(plain):
        return "slow"
    return "fast" if quality_class(model) == "small" else "middle"


@lru_cache(maxsize=4096)
def writes_code(model: str) -> bool:
    """Made for code, as its name says."""
    return _CODE.search(plain_name(model)) is not None


def _as_written(model: str) -> str:
    """With its tag, where Ollama has the size, and without the vendor before a slash."""
    return model[-256:].lower().rpartition("/")[2]
