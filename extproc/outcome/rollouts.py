"""The canaries of one processor: fed by outcomes, moved by time, and asked for their shares by every decision.

Law: one canary for each strategy that has a rollout. It lives as long as its rollout is configured the same, and begins
anew when that changed. An outcome counts only for the rollout under which its exchange was decided. Each move is told
once: written down first, so that whoever starts in our stead knows it, then logged, counted and announced.
"""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from extproc.decision.rollout import Move, Progress, Seen, begin, judge
from extproc.decision.rollout_window import Numbers, Sample, Window
from extproc.decision.strategies.canary import CANARY, STABLE
from extproc.decision.strategies.words import percent
from extproc.observe.outcome import Outcome
from extproc.outcome.arms import result_of, sample_of
from extproc.snapshot import RolloutSpec, Snapshot

_log = logging.getLogger("extproc")
WORDS: Final = {"step": "climbs", "hold": "is held", "promote": "is promoted", "rollback": "is rolled back"}


class Memory(Protocol):
    """What outlives a processor: how each canary stood."""

    def recall(self, strategy: str, spec: RolloutSpec, now: float) -> Progress | None: ...

    def remember(self, standing: Mapping[str, tuple[RolloutSpec, Progress]]) -> None: ...


class Meter(Protocol):
    def arm_exchange(self, strategy: str, arm: str, result: str, sample: Sample | None) -> None: ...

    def canary_moved(self, strategy: str, move: str) -> None: ...

    def canary_shares(self, shares: Mapping[str, float]) -> None: ...


@dataclass(frozen=True, slots=True)
class Told:
    """A move, as it is announced."""

    strategy: str
    move: Move
    seen: Seen
    webhook: bool


@dataclass(slots=True)
class _Rollout:
    spec: RolloutSpec
    progress: Progress
    windows: dict[str, Window] = field(init=False)

    def __post_init__(self) -> None:
        self.windows = {arm: Window(self.spec.window) for arm in (STABLE, CANARY)}

    def seen(self, now: float) -> Seen:
        return Seen(canary=self.windows[CANARY].numbers(now), stable=self.windows[STABLE].numbers(now))


class Rollouts:
    def __init__(
        self,
        snapshot_of: Callable[[str], Snapshot | None],
        clock: Callable[[], float],
        meter: Meter,
        announce: Callable[[Told], None] = lambda told: None,
        memory: Memory | None = None,
    ) -> None:
        self._snapshot_of = snapshot_of
        self._clock = clock
        self._meter = meter
        self._announce = announce
        self._memory = memory
        self._rollouts: dict[str, _Rollout] = {}
        self._left: dict[str, _Rollout] = {}  # those of the configuration before: exchanges still finish with it
        self._in_use: Snapshot | None = None
        self._shares: Mapping[str, float] = {}  # of the snapshot in use; made anew when one of them moves

    def use(self, snapshot: Snapshot) -> None:
        """The configuration in use from now on."""
        now = self._clock()
        before, self._rollouts, self._left = self._rollouts, {}, {}
        for name, strategy in snapshot.strategies.items():
            if strategy.rollout is None:
                continue
            kept = before.pop(name, None)
            if kept is not None and kept.spec == strategy.rollout:
                self._rollouts[name] = kept
                continue
            if kept is not None:
                self._left[name] = kept
            self._rollouts[name] = new = _Rollout(strategy.rollout, self._first(name, strategy.rollout, now))
            state, share = new.progress.state.replace("_", " "), percent(new.progress.share)
            _log.info("canary %s is %s at %s: %s", name, state, share, new.progress.why)
        self._left |= before
        self._in_use = snapshot
        self._write_down()
        self._share_out()

    def shares(self, snapshot: Snapshot) -> Mapping[str, float]:
        """Those of this snapshot's canaries, also where it is no longer the one in use."""
        if snapshot is self._in_use:
            return self._shares
        shares: dict[str, float] = {}
        for rollouts in (self._left, self._rollouts):
            for name, rollout in rollouts.items():
                strategy = snapshot.strategies.get(name)
                if strategy is not None and strategy.rollout == rollout.spec:
                    shares[name] = rollout.progress.share
        return shares

    def exchange(self, outcome: Outcome) -> None:
        """One exchange has ended."""
        rollout = self._rollouts.get(outcome.strategy or "")
        if rollout is None or outcome.arm not in rollout.windows:
            return
        snapshot = self._snapshot_of(outcome.snapshot)
        strategy = snapshot.strategies.get(outcome.strategy or "") if snapshot is not None else None
        if snapshot is None or strategy is None or strategy.rollout != rollout.spec:
            return
        sample = sample_of(outcome, rollout.spec, snapshot)
        self._meter.arm_exchange(strategy.name, outcome.arm, result_of(sample), sample)
        if sample is not None:
            rollout.windows[outcome.arm].add(sample, self._clock())

    def tick(self, now: float) -> None:
        moves = [told for name, rollout in self._rollouts.items() if (told := self._judged(name, rollout, now))]
        if not moves:
            return
        self._write_down()
        for told in moves:
            self._tell(told)
        self._share_out()

    def document(self) -> dict[str, Any]:
        """How each stands, for people."""
        now = self._clock()
        return {"canaries": [_document(name, rollout, now) for name, rollout in self._rollouts.items()]}

    def _first(self, name: str, spec: RolloutSpec, now: float) -> Progress:
        known = self._memory.recall(name, spec, now) if self._memory is not None else None
        return known or begin(spec, now)

    def _judged(self, name: str, rollout: _Rollout, now: float) -> Told | None:
        if rollout.progress.state == "rolled_back":
            return None
        seen = rollout.seen(now)
        rollout.progress, move = judge(rollout.spec, rollout.progress, seen, now)
        if move is None:
            return None
        if move.kind != "hold":
            for window in rollout.windows.values():
                window.clear()  # another share: it is judged by what happens at it
        return Told(name, move, seen, rollout.spec.webhook)

    def _tell(self, told: Told) -> None:
        move = told.move
        level = logging.WARNING if move.kind == "rollback" else logging.INFO
        before, after = percent(move.before), percent(move.after)
        way = f"at {after}" if move.kind == "hold" else f"from {before} to {after}"
        _log.log(level, "canary %s %s %s: %s", told.strategy, WORDS[move.kind], way, move.reason)
        self._meter.canary_moved(told.strategy, move.kind)
        self._announce(told)

    def _write_down(self) -> None:
        if self._memory is not None:
            self._memory.remember({name: (one.spec, one.progress) for name, one in self._rollouts.items()})

    def _share_out(self) -> None:
        self._shares = {name: rollout.progress.share for name, rollout in self._rollouts.items()}
        self._meter.canary_shares(self._shares)


def _document(name: str, rollout: _Rollout, now: float) -> dict[str, Any]:
    spec, progress, seen = rollout.spec, rollout.progress, rollout.seen(now)
    return {
        "strategy": name,
        "state": progress.state,
        "share": progress.share,
        "step": progress.step,
        "steps": list(spec.steps),
        "for_seconds": round(now - progress.since, 1),
        "why": progress.why,
        "min_samples": spec.min_samples,
        "criteria": {
            "error_rate": spec.criteria.error_rate,
            "latency_p95": spec.criteria.latency_p95,
            "cost_efficiency": spec.criteria.cost_efficiency,
        },
        "cost_efficiency": efficiency(seen),
        "canary": {"targets": [str(one) for one in spec.canary], **plain_numbers(seen.canary)},
        "stable": {"targets": [str(one) for one in spec.stable], **plain_numbers(seen.stable)},
    }


def efficiency(seen: Seen) -> float | None:
    """As JSON can say it: a canary that costs nothing has no number."""
    value = seen.cost_efficiency
    return value if value is not None and math.isfinite(value) else None


def plain_numbers(numbers: Numbers) -> dict[str, Any]:
    return {
        "samples": numbers.samples,
        "failed": numbers.failed,
        "error_rate": numbers.error_rate,
        "latency_p95": numbers.latency_p95,
    }
