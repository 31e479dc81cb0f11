"""What moves a canary: its share climbs while its criteria are kept, and falls to nothing at the first that is broken.

Law: nothing is concluded from fewer than `min_samples` of the canary; only from nothing it climbs by time alone. A
broken criterion rolls back at once, also between steps and behind the last; what is rolled back stays so. A step is
taken when the share has been held for `step_every` and every criterion is kept; one that cannot be judged holds it
there. Reaching all traffic is promotion.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from extproc.decision.rollout_window import Numbers
from extproc.decision.strategies.words import percent
from extproc.snapshot import Criteria, RolloutSpec

State = Literal["running", "holding", "promoted", "rolled_back"]
MoveKind = Literal["step", "hold", "promote", "rollback"]
MOVES: Final[tuple[MoveKind, ...]] = ("step", "hold", "promote", "rollback")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a canary is."""

    state: State
    share: float
    step: int  # how many of its steps it has taken
    since: float  # when it came to this share
    why: str  # one sentence for people


@dataclass(frozen=True, slots=True)
class Move:
    """What happened to it."""

    kind: MoveKind
    before: float
    after: float
    reason: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What both arms did lately."""

    canary: Numbers = field(default_factory=Numbers)
    stable: Numbers = field(default_factory=Numbers)

    @property
    def cost_efficiency(self) -> float | None:
        """What the stable arm pays for a token over what the canary does; None: nobody knows."""
        pays, instead_of = self.canary.cost_per_token, self.stable.cost_per_token
        if pays is None or instead_of is None:
            return None
        if pays == 0:
            return 1.0 if instead_of == 0 else math.inf
        return instead_of / pays


def begin(spec: RolloutSpec, now: float) -> Progress:
    share = _within(spec.share)
    if not spec.steps:
        return Progress("holding", share, 0, now, f"it has no steps and stays at {percent(share)}")
    return Progress("running", share, 0, now, f"it begins at {percent(share)}")


def judge(spec: RolloutSpec, progress: Progress, seen: Seen, now: float) -> tuple[Progress, Move | None]:
    """The next value, and the move if there was one. Without a move nothing but its words is another."""
    if progress.state == "rolled_back":
        return progress, None
    if progress.share == 0 and progress.step < len(spec.steps) and now - progress.since >= spec.step_every:
        return _climbed(spec, progress, now)  # nobody is in it, so there is nothing to wait for but the time
    if seen.canary.samples < max(spec.min_samples, 1):
        return replace(progress, why=f"{seen.canary.samples} of {spec.min_samples} samples are here"), None
    broken, unknown = _verdict(spec, seen)
    if broken is not None:
        return Progress("rolled_back", 0.0, progress.step, now, broken), Move("rollback", progress.share, 0.0, broken)
    if progress.state == "promoted" or progress.step >= len(spec.steps):
        return replace(progress, why="every criterion is kept, and there is no further step"), None
    if now - progress.since < spec.step_every:
        return replace(progress, why="every criterion is kept so far"), None
    if unknown is None:
        return _climbed(spec, progress, now)
    held = replace(progress, state="holding", why=unknown)
    return held, None if progress.state == "holding" else Move("hold", progress.share, progress.share, unknown)


def _climbed(spec: RolloutSpec, progress: Progress, now: float) -> tuple[Progress, Move]:
    share, taken = _within(spec.steps[progress.step]), progress.step + 1
    kept = "every criterion was kept" if progress.share else "nobody was in it"
    why = f"{kept} for {now - progress.since:.0f} s at {percent(progress.share)}"
    kind: MoveKind = "step"
    state: State = "running"
    if share >= 1.0:
        kind, state = "promote", "promoted"
    elif taken == len(spec.steps):
        state = "holding"
    return Progress(state, share, taken, now, why), Move(kind, progress.share, share, why)


def _verdict(spec: RolloutSpec, seen: Seen) -> tuple[str | None, str | None]:
    """(the first criterion that is broken, the first that cannot be judged), in words."""
    judged = (_of_errors(spec.criteria, seen), _of_latency(spec.criteria, seen), _of_cost(spec, seen))
    broken = next((words for words, known in judged if words and known), None)
    return broken, next((words for words, known in judged if words and not known), None)


_KEPT: Final = (None, True)


def _of_errors(criteria: Criteria, seen: Seen) -> tuple[str | None, bool]:
    rate, bound = seen.canary.error_rate, criteria.error_rate
    if bound is None or rate is None or rate < bound:
        return _KEPT
    return f"its error rate of {percent(rate)} is not below {percent(bound)}", True


def _of_latency(criteria: Criteria, seen: Seen) -> tuple[str | None, bool]:
    latency, bound = seen.canary.latency_p95, criteria.latency_p95
    if bound is None:
        return _KEPT
    if latency is None:
        return "its latency cannot be judged: no exchange told one", False
    return _KEPT if latency < bound else (f"its latency_p95 of {latency:.3g} s is not below {bound:.3g} s", True)


def _of_cost(spec: RolloutSpec, seen: Seen) -> tuple[str | None, bool]:
    bound = spec.criteria.cost_efficiency
    if bound is None:
        return _KEPT
    for arm, numbers in (("canary", seen.canary), ("stable", seen.stable)):
        if numbers.priced < max(spec.min_samples, 1):
            told = f"{numbers.priced} of {spec.min_samples} samples of the {arm} arm have a known cost"
            return f"its cost_efficiency cannot be judged: {told}", False
    efficiency = seen.cost_efficiency
    if efficiency is None or efficiency > bound:
        return _KEPT
    return f"its cost_efficiency of {efficiency:.3g} is not above {bound:.3g}", True


def _within(share: float) -> float:
    return min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
