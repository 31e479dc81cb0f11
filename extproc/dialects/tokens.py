"""Tokens of a text, before anybody has counted them: exact for OpenAI's families, a calibrated estimate for others.

Law: the model's name decides. A vocabulary is loaded when it is first asked for. Time is bounded, whatever the text:
what is long is counted in pieces, between which other threads run, and of very much only the first part is counted.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Any, Final

from extproc.dialects.model_names import plain_name
from extproc.dialects.token_estimate import estimate

O200K: Final = "o200k_base"
CL100K: Final = "cl100k_base"

_PIECE: Final = 16 * 1024  # characters; 1 ms of prose, 4 ms of the worst
_MOST_EXACT: Final = 1024 * 1024  # characters of one request that are counted; more than fits into any context
_MOST_LOOKED_AT: Final = 4 * _MOST_EXACT  # and that are estimated by their classes; the rest by its length alone
_LETTERS_OF_TOKEN: Final = 4
# No token of either vocabulary goes across the space between two words, so a text may be cut before it.
_BETWEEN_WORDS: Final = re.compile(r"(?<=[A-Za-z])(?= [A-Za-z])")


@dataclass(frozen=True, slots=True)
class Family:
    """How the models of a family count."""

    vocabulary: str | None = None
    factor: float = 1.0  # its tokens for one of o200k, where no vocabulary is known
    of_message: int = 3
    of_answer: int = 3  # what the answer begins with is counted too
    of_tools: int = 0  # what the vendor tells the model of tools when there are any
    of_image: int = 765  # of usual size
    of_small_image: int = 85  # with the detail `low`


_GPT_4O: Final = Family(O200K)
_GPT_4: Final = Family(CL100K)
_THINKING: Final = Family(O200K, of_answer=2, of_image=630, of_small_image=70)
# Claude's vocabularies are not public. Factors and what tools add are from the usage told of recorded requests, the
# newest's factor from the vendor's word that they take up to 1.35 times as many.
_CLAUDE: Final = Family(factor=1.1, of_tools=340, of_image=1500, of_small_image=1500)
_CLAUDE_4: Final = Family(factor=1.1, of_tools=550, of_image=1500, of_small_image=1500)
_NEW_CLAUDE: Final = Family(factor=1.35, of_tools=360, of_image=1500, of_small_image=1500)
_FAMILIES: Final = tuple(
    (re.compile(name), family)
    for name, family in (
        (r"gpt-4o-mini", Family(O200K, of_image=25_501, of_small_image=2833)),
        (r"(chat)?gpt-4o|gpt-4\.[15]|gpt-audio|gpt-image|gpt-realtime|gpt-oss|omni-mod", _GPT_4O),
        (r"o\d(-|$)", Family(O200K, of_answer=2, of_image=675, of_small_image=75)),
        (r"gpt-4|gpt-3\.5|gpt-35", _GPT_4),
        (r"gpt-[5-9]|gpt-[1-9]\d(?!\d)|codex|computer-use", _THINKING),
        (r"text-embedding-(3|ada)|davinci-002|babbage-002", _GPT_4),
        (r"claude-([a-z]+-)?4[-.][7-9]|claude-[a-z]+-([5-9]|preview)", _NEW_CLAUDE),
        (r"claude-[a-z]+-4", _CLAUDE_4),
        (r"claude", _CLAUDE),
        (r"gemini-[3-9]", Family(of_image=1120, of_small_image=280)),
        (r"gemini|gemma", Family(of_image=1032, of_small_image=258)),
        (r"nova", Family(of_tools=330)),
        (r"mistral-7b|mixtral|llama-?2", Family(factor=1.2)),
    )
)
_UNKNOWN: Final = Family()


def family_of(model: str | None) -> Family:
    """Of a name in any spelling; None, and a name that says nothing: as a model of today."""
    name = plain_name(model) if model else ""
    return next((family for pattern, family in _FAMILIES if pattern.match(name)), _UNKNOWN)


class Counter:
    """Counts the texts of one request."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._vocabulary = vocabulary(family.vocabulary) if family.vocabulary else None
        self._seen = 0  # characters so far

    def count(self, text: str) -> int:
        if not text:
            return 0
        exact = max(_MOST_EXACT - self._seen, 0) if self._vocabulary is not None else 0
        looked = max(_MOST_LOOKED_AT - self._seen, 0)
        self._seen += len(text)
        if len(text) <= exact:
            return self._exact(text)
        rest = text[exact:]
        guessed = estimate(rest[:looked]) if looked else 0.0
        guessed += max(len(rest) - looked, 0) / _LETTERS_OF_TOKEN
        return self._exact(text[:exact]) + round(guessed * self.family.factor)

    def _exact(self, text: str) -> int:
        if self._vocabulary is None or not text:
            return 0
        try:
            return sum(self._vocabulary.count(text[start:end]) for start, end in pairwise(_cuts(text)))
        except UnicodeEncodeError:  # half of a surrogate pair, which no vocabulary knows
            return round(estimate(text))


def _cuts(text: str) -> list[int]:
    """Where pieces begin and end. A text without words that far is cut anywhere: it costs a token at most."""
    cuts = [0]
    while len(text) - cuts[-1] > _PIECE:
        end = cuts[-1] + _PIECE
        between = _BETWEEN_WORDS.search(text, end - _PIECE // 16, end)
        cuts.append(between.start() if between else end)
    return [*cuts, len(text)]


def load_for(models: Iterable[str]) -> None:
    """What these names will be counted by, so that the first request need not wait for it: 50 ms and 67 MB or less."""
    for name in {family_of(model).vocabulary for model in models}:
        if name is not None:
            vocabulary(name)


@cache
def vocabulary(name: str) -> Any:
    """None where the library is not installed: then everything is estimated."""
    try:
        library = import_module("rs_bpe.bpe")
    except ImportError:
        return None
    return getattr(library.openai, name)()
