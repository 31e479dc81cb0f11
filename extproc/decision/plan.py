"""What a decision is made of: candidates, the plan, and what was observed of targets."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from extproc.refusal import Refusal
from extproc.snapshot import Target

BreakerState = Literal["serving", "shut", "probing"]
Health = Literal["unknown", "serving", "shut", "probing"]
UNWELL: Final[frozenset[Health]] = frozenset({"shut", "probing"})  # until good probes enough have opened it again
STALE_AFTER: Final = 600.0  # seconds: what was seen longer ago says nothing of today


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that was seen: its mean, in which the latest count most, and when the last of them was."""

    value: float
    at: float  # on the clock that `now` comes from
    samples: int = 1


def fresh(measure: Measure | None, now: float, within: float = STALE_AFTER) -> float | None:
    """Its value; None where it is missing or stale."""
    return measure.value if measure is not None and now - measure.at <= within else None


@dataclass(frozen=True, slots=True)
class Observation:
    """What we saw of a target lately. None and empty: never seen, which is not the same as nothing.

    A target without one is unmeasured: serving, and tried.
    """

    breaker: BreakerState = "serving"
    reopens_at: float | None = None  # when a shut target may be probed, on the clock that `now` comes from
    probes_left: int = 0  # while probing: how many more requests it may get
    why: str = ""
    health: Health = "unknown"  # what active probes say; unknown where there are none
    health_why: str = ""
    in_flight: int = 0
    turn: int = 0  # the number of the latest plan in which it stood first; 0: in none
    errors: Measure | None = None  # share of its attempts that failed
    first_token: Mapping[int, Measure] = field(default_factory=dict)  # seconds to it, by size class of the prompt
    per_token: Measure | None = None  # seconds for each token of output
    latency_p95: Measure | None = None  # seconds: as its cluster says, else of our own exchanges' first tokens
    requests_left: Measure | None = None  # of its provider's rate limit, as its headers say
    tokens_left: Measure | None = None
    queue_depth: Measure | None = None  # requests that wait in its cluster
    tokens_per_second: Measure | None = None  # of its cluster
    cached_share: Measure | None = None  # of input tokens that its cache held
    asleep: bool = False  # a cluster that scales to zero, and must start first


@dataclass(frozen=True, slots=True)
class Observations:
    """One moment's view, taken once for an exchange. Keys are written `provider/model`.

    `targets` may be made as it is asked: a decision looks at its candidates and at nobody else.
    """

    targets: Mapping[str, Observation] = field(default_factory=dict)
    outputs: Mapping[str, Measure] = field(default_factory=dict)  # tokens of an answer, by the keys of `output_keys`
    shares: Mapping[str, float] = field(default_factory=dict)  # of canaries now, by the name of their strategy

    def of(self, target: Target) -> Observation:
        return self.targets.get(str(target), UNMEASURED)

    def output(self, route: str, target: Target) -> Measure | None:
        return self.outputs.get(output_keys(route, str(target))[0])

    def output_of_others(self, route: str, target: Target) -> tuple[Measure | None, ...]:
        """What answers were like that it did not give itself; the likeliest to be like its own first."""
        return tuple(self.outputs.get(key) for key in output_keys(route, str(target))[1:])


def output_keys(route: str, target: str) -> tuple[str, str, str]:
    """Under which an answer's length is kept: its target's, its model's wherever it is served, its route's."""
    return f"{route} {target}", f"{route} */{target.partition('/')[2]}", route


UNMEASURED = Observation()
SIZES: Final = (1_000, 8_000, 32_000)  # tokens of prompt: the upper ends of the size classes


def size_class(tokens: int) -> int:
    return bisect_right(SIZES, tokens)


class Candidate(NamedTuple):
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
    code: str = ""  # one word for the reason, from a fixed set: what metrics count


@dataclass(frozen=True, slots=True)
class Plan:
    """The ordered targets of one exchange. Never empty; never the same target twice, but by `first_target`."""

    steps: tuple[Step, ...]
    strategy: str
    reason: str  # one sentence: why the first stands first
    first_byte_timeout: float
    first_event: bool
    fallback_on: frozenset[str] = frozenset()  # classes of error that go to the next target
    arm: str | None = None  # of a canary's strategy: `stable` or `canary`


@dataclass(frozen=True, slots=True)
class Decision:
    outcome: Plan | Refusal
    candidates: tuple[Candidate, ...] = ()
