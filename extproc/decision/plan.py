"""What a decision is made of: candidates, the plan, and what was observed of targets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from extproc.refusal import Refusal
from extproc.snapshot import Target

BreakerState = Literal["serving", "shut", "probing"]


@dataclass(frozen=True, slots=True)
class Observation:
    """What we saw of a target lately. A target without one is unmeasured: serving, and tried."""

    breaker: BreakerState = "serving"
    reopens_at: float | None = None  # when a shut target may be probed, on the clock that `now` comes from
    probes_left: int = 0  # while probing: how many more requests it may get
    why: str = ""


@dataclass(frozen=True, slots=True)
class Observations:
    """One moment's view, taken once for an exchange. Keys are written `provider/model`."""

    targets: Mapping[str, Observation] = field(default_factory=dict)

    def of(self, target: Target) -> Observation:
        return self.targets.get(str(target), UNMEASURED)


UNMEASURED = Observation()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A target that was considered, and what became of it."""

    target: Target
    kept: bool
    reason: str  # a sentence for people: why it was dropped, or why it stands where it stands
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One place in the plan."""

    target: Target
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The ordered targets of one exchange. Never empty, never the same target twice."""

    steps: tuple[Step, ...]
    strategy: str
    reason: str  # one sentence: why the first stands first
    first_byte_timeout: float
    first_event: bool
    fallback_on: frozenset[str] = frozenset()  # classes of error that go to the next target


@dataclass(frozen=True, slots=True)
class Decision:
    outcome: Plan | Refusal
    candidates: tuple[Candidate, ...] = ()
