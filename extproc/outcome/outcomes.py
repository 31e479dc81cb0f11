"""Records in, outcomes out: what ties this room together.

Law: breakers hear of an attempt as soon as its target is known, at most once; observers hear of an exchange exactly
once, and so do sinks, in the one worker that received its record from Envoy. A sink, observer or listener that fails
is a bug of ours and stops nobody else.

  record ─▶ trails ─▶ attempt listeners (breakers, measures)       decided ─▶ pending
         ├▶ join ─▶ known + trails ─▶ settle ─▶ observers (measures, canaries), probes released
         │                                   └▶ sinks (log, metrics): not of a record that another worker relayed
         └▶ alive: who is still open (periodic records)
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from extproc import names
from extproc.money import Usage
from extproc.observe.outcome import Outcome
from extproc.outcome.classify import AttemptResult
from extproc.outcome.join import GRACE, LIMIT, Join, Joined
from extproc.outcome.known import Known, known
from extproc.outcome.lookup import cluster_of
from extproc.outcome.pending import Decided, Pending
from extproc.outcome.record import Record
from extproc.outcome.settle import settle
from extproc.outcome.trails import Listener, Place, Trails
from extproc.snapshot import Snapshot

OutcomeSink = Callable[[Outcome], None]


class RecordMeter(Protocol):
    """Where records are counted."""

    def record(self, kind: str) -> None: ...

    def records_lost(self, count: int) -> None: ...


class Outcomes:
    def __init__(
        self,
        *,
        snapshot_of: Callable[[str], Snapshot | None],
        usage_of: Callable[[str], Usage | None],
        clock: Callable[[], float],
        meter: RecordMeter,
        on_bug: Callable[[BaseException], None],
        observers: Sequence[OutcomeSink] = (),
        sinks: Sequence[OutcomeSink] = (),
        attempt_listeners: Sequence[Listener] = (),
        release: Callable[[str, float], None] = lambda exchange_id, now: None,
        alive: Callable[[Record, Known, float], None] = lambda record, told, now: None,
        grace: float = GRACE,
        limit: int = LIMIT,
    ) -> None:
        self._snapshot_of = snapshot_of
        self._usage_of = usage_of
        self._clock = clock
        self._meter = meter
        self._on_bug = on_bug
        self._observers = tuple(observers)
        self._sinks = tuple(sinks)
        self._attempt_listeners = tuple(attempt_listeners)
        self._release = release
        self._alive = alive
        self._pending = Pending(limit)
        self._join = Join(meter.records_lost, grace, limit)
        self._trails = Trails(self._tell, limit)

    def decided(self, decided: Decided) -> None:
        """The router phase has decided this exchange."""
        now = self._clock()
        forgotten = self._pending.decided(decided, now)
        if forgotten is not None:
            self._release(forgotten.exchange_id, now)

    def record(self, record: Record) -> None:
        now = self._clock()
        if record.cluster.endswith(names.SHADOW_SUFFIX):  # a copy's, under the exchange's own id: it is none of its
            self._count(record, "shadow")
            return
        self._count(record, record.kind if record.final else "periodic")
        self._pending.heard(record.request_id, now)
        if record.kind == "attempt" and record.final and record.request_id:
            decided = self._pending.of(record.request_id)
            if decided is not None:
                self._trails.attempt(record, self._plan(known(None, decided)), now)
        if record.kind == "exchange" and not record.final and not self._join.is_over(record.request_id):
            self._guarded(self._alive, record, known(record, self._pending.of(record.request_id)), now)
        self._settle(self._join.add(record, now), now)

    def tick(self, now: float) -> None:
        self._settle(self._join.tick(now), now)
        for decided in self._pending.silent(now):
            self._guarded(self._release, decided.exchange_id, now)

    def flush(self) -> None:
        """We are going down: what has ended comes out now."""
        self._settle(self._join.flush(), self._clock())

    def _settle(self, ready: Sequence[Joined], now: float) -> None:
        for joined in ready:
            self._guarded(self._settle_one, joined, now)

    def _settle_one(self, joined: Joined, now: float) -> None:
        told = known(joined.exchange, self._pending.forget(joined.exchange.request_id))
        results = self._trails.ended(joined, self._plan(told), now)
        if told.id:
            self._guarded(self._release, told.id, now)
        outcome = settle(joined, told, results, self._snapshot_of(told.snapshot), self._usage_of)
        for sink in self._observers if joined.exchange.relayed else (*self._observers, *self._sinks):
            self._guarded(sink, outcome)

    def _count(self, record: Record, kind: str) -> None:
        if not record.relayed:
            self._meter.record(kind)

    def _plan(self, told: Known) -> tuple[Place, ...]:
        snapshot = self._snapshot_of(told.snapshot)
        return tuple(Place(target, cluster_of(snapshot, target)) for target in told.targets)

    def _tell(self, result: AttemptResult, now: float) -> None:
        for listener in self._attempt_listeners:
            self._guarded(listener, result, now)

    def _guarded(self, call: Callable[..., None], *arguments: object) -> None:
        try:
            call(*arguments)
        except Exception as bug:
            self._on_bug(bug)
