"""What a strategy is: it puts contenders into an order and says why, or says why one is not chosen at all.

Law: every contender it is given comes back exactly once. It looks at nothing but its arguments, so the same arguments
give the same order. Filters have run before it: whoever is here may be used, and can.

Most strategies give each contender a number of which less is better; those are `Scorer`s, and `scored.py` makes the
order of them: that is what can be composed, blended and told apart by ties.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from extproc.decision.contender import Contender
from extproc.decision.plan import Observations
from extproc.facts.request import Facts
from extproc.snapshot import Snapshot, StrategySpec


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that an order may depend on, beside the contenders."""

    facts: Facts
    spec: StrategySpec
    snapshot: Snapshot
    observations: Observations
    now: float
    draw: float  # one uniform number in [0, 1)


class Place(NamedTuple):
    """Where a score puts somebody; less is earlier, and who has the same place is as good."""

    takes_any: bool  # after all who list the model, whatever their scores
    band: int
    known: int  # -1: unknown and tried first, 0: known, 1: unknown and last
    value: float
    guess: tuple[int, ...] = ()


class Ranked(NamedTuple):
    """One for each candidate of each decision, so it is a tuple: cheap to make."""

    contender: Contender
    score: float | None  # the strategy's own number, for people: a place, a share, a price
    reason: str
    chosen: bool = True  # False: it is not to stand in the plan at all
    code: str = ""  # one word for the reason, from a fixed set: what metrics count
    arm: str | None = None  # of a canary's strategy
    place: Place | None = None  # of what is scored; None: it is as good as nobody else


class Strategy(Protocol):
    def rank(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Ranked]: ...


class Score(NamedTuple):
    """What a scorer thinks of one contender."""

    value: float | None  # less is better; None: nobody knows
    words: str  # for people, without the strategy's name: `$0.0031`, `0.82 s to the first token`
    band: int = 0  # whole groups, one behind the other, before any value is compared
    unknown: Literal["first", "last"] = "first"  # where it stands in its band when nobody knows its value
    chosen: bool = True
    code: str = ""
    guess: tuple[int, ...] = ()  # orders those in one place whose value nobody knows; less is earlier


def sound(score: Score) -> Score:
    """A value that is no number is unknown, and nothing to try first."""
    if score.value is None or math.isfinite(score.value):
        return score
    return score._replace(value=None, unknown="last")


class Scorer(Protocol):
    def scores(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Score]:
        """One for each, in the same order."""
        ...
