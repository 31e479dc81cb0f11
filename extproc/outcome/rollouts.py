"""The canaries of one processor: fed by outcomes, moved by time, and asked for their shares by every decision.

Law: one canary for each strategy that has a rollout. It lives as long as its rollout is configured the same, and begins
anew when that changed. An outcome counts only for the rollout under which its exchange was decided. Each move is told
once: written down first, so that whoever starts in our stead knows it, then logged, counted and announced.

Of several workers one leads: it alone moves canaries. All others count along, so that any of them can go on, and stand
where it says.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from extproc.decision.rollout import Move, Progress, Seen, begin, judge
from extproc.decision.rollout_window import Parts, Sample, Window
from extproc.decision.strategies.canary import CANARY, STABLE
from extproc.decision.strategies.words import percent
from extproc.observe.outcome import Outcome
from extproc.outcome.arms import result_of, sample_of
from extproc.outcome.rollout_page import document_of
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
class Standing:
    """Where a canary is, and by which settings."""

    spec: RolloutSpec
    progress: Progress


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
    windows: dict[str, Window] = field(init=False)  # by arm

    def __post_init__(self) -> None:
        self.windows = {arm: Window(self.spec.window) for arm in (STABLE, CANARY)}

    def seen(self, now: float) -> Seen:
        return Seen(canary=self.windows[CANARY].numbers(now), stable=self.windows[STABLE].numbers(now))

    def clear(self) -> None:
        """Another share: it is judged by what happens at it."""
        for window in self.windows.values():
            window.clear()


@dataclass(frozen=True, slots=True)
class _Sampled:
    """What an exchange says of an arm."""

    strategy: str
    rollout: _Rollout
    arm: str
    sample: Sample | None


class Rollouts:
    def __init__(
        self,
        snapshot_of: Callable[[str], Snapshot | None],
        clock: Callable[[], float],
        meter: Meter,
        announce: Callable[[Told], None] = lambda told: None,
        memory: Memory | None = None,
        *,
        leads: bool = True,
    ) -> None:
        self._snapshot_of = snapshot_of
        self._clock = clock
        self._meter = meter
        self._announce = announce
        self._memory = memory
        self._rollouts: dict[str, _Rollout] = {}
        self._left: dict[str, _Rollout] = {}  # those of the configuration before: exchanges still finish with it
        self._in_use: Snapshot | None = None
        self._leads = leads
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
            if self._leads:
                _say_where(name, new.progress)
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
        told = self._of(outcome)
        if told is not None and told.sample is not None:
            told.rollout.windows[told.arm].add(told.sample, self._clock())

    def count(self, outcome: Outcome) -> None:
        """The same, where it is ours to count."""
        told = self._of(outcome)
        if told is not None:
            self._meter.arm_exchange(told.strategy, told.arm, result_of(told.sample), told.sample)

    def _of(self, outcome: Outcome) -> "_Sampled | None":
        rollout = self._rollouts.get(outcome.strategy or "")
        if rollout is None or outcome.arm not in rollout.windows:
            return None
        snapshot = self._snapshot_of(outcome.snapshot)
        strategy = snapshot.strategies.get(outcome.strategy or "") if snapshot is not None else None
        if snapshot is None or strategy is None or strategy.rollout != rollout.spec:
            return None
        return _Sampled(strategy.name, rollout, outcome.arm, sample_of(outcome, rollout.spec, snapshot))

    def tick(self, now: float) -> None:
        if not self._leads:
            return
        moves = [told for name, rollout in self._rollouts.items() if (told := self._judged(name, rollout, now))]
        if not moves:
            return
        self._write_down()
        for told in moves:
            self._tell(told)
        self._share_out()

    # --- of several workers ------------------------------------------------------------------------------------------

    def lead(self, leads: bool) -> None:
        begins, self._leads = leads and not self._leads, leads
        if begins:
            self._write_down()
            for name, rollout in self._rollouts.items():
                _say_where(name, rollout.progress)

    def standing(self) -> dict[str, Standing]:
        return {name: Standing(one.spec, one.progress) for name, one in self._rollouts.items()}

    def windows(self) -> dict[tuple[str, str], Parts]:
        """What was counted in each arm, for who begins."""
        return {
            (name, arm): window.parts() for name, one in self._rollouts.items() for arm, window in one.windows.items()
        }

    def stand(self, told: Mapping[str, Standing]) -> None:
        """Where the leader says that they are; one that is configured otherwise here is another's."""
        moved = False
        for name, standing in told.items():
            rollout = self._rollouts.get(name)
            if rollout is None or rollout.spec != standing.spec or rollout.progress == standing.progress:
                continue
            before, rollout.progress = rollout.progress, standing.progress
            if (before.share, before.step) != (standing.progress.share, standing.progress.step):
                rollout.clear()
                moved = True
        if moved:
            self._share_out()

    def inherit(self, told: Mapping[tuple[str, str], Parts]) -> None:
        """Begin with what another has counted."""
        for (name, arm), parts in told.items():
            rollout = self._rollouts.get(name)
            if rollout is not None and arm in rollout.windows:
                rollout.windows[arm].take_parts(parts)

    # --- what it looks like ------------------------------------------------------------------------------------------

    def document(self) -> dict[str, Any]:
        """How each stands, for people."""
        now = self._clock()
        return {
            "canaries": [
                document_of(name, one.spec, one.progress, one.seen(now), now) for name, one in self._rollouts.items()
            ]
        }

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
            rollout.clear()
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
        if self._memory is not None and self._leads:
            self._memory.remember({name: (one.spec, one.progress) for name, one in self._rollouts.items()})

    def _share_out(self) -> None:
        self._shares = {name: rollout.progress.share for name, rollout in self._rollouts.items()}
        self._meter.canary_shares(self._shares)


def _say_where(name: str, progress: Progress) -> None:
    state, share = progress.state.replace("_", " "), percent(progress.share)
    _log.info("canary %s is %s at %s: %s", name, state, share, progress.why)
