"""The books of one processor: what was decided, what Envoy's log says became of it, what targets look like now."""

import logging
import time
from collections.abc import Callable
from typing import Any, TextIO

from extproc.decision.breaker import Breaker
from extproc.decision.observed import told
from extproc.decision.plan import Observations
from extproc.dialects.openai.usage import read_usage
from extproc.exchange.shelf import Shelf
from extproc.observe.decision_log import DecisionLog
from extproc.observe.metrics import Metrics
from extproc.observe.outcome import Outcome
from extproc.outcome.board import Board
from extproc.outcome.breakers import Breakers
from extproc.outcome.handed_on import Knowledge, begin_with, knowledge_of
from extproc.outcome.last_used import LastUsed
from extproc.outcome.outcomes import Outcomes
from extproc.outcome.pending import Decided
from extproc.outcome.probed import Probed
from extproc.outcome.record import Record
from extproc.outcome.rollouts import Rollouts
from extproc.snapshot import Snapshot, Target

_log = logging.getLogger("extproc")


class ExchangeBooks:
    """Answers to exchange.desk.Books; fed by the access log's streams."""

    def __init__(
        self,
        shelf: Shelf,
        metrics: Metrics,
        lines: TextIO,
        clock: Callable[[], float],
        probed: Probed,
        last_used: LastUsed,
        rollouts: Rollouts,
        breaker_opened: Callable[[Target, Any], None] = lambda target, breaker: None,
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._breakers = Breakers(Breaker, opened=breaker_opened)
        self._rollouts = rollouts
        self._board = Board(self._breakers, probed, last_used)
        self.use(shelf.current)
        self._outcomes = Outcomes(
            snapshot_of=shelf.get,
            usage_of=read_usage,
            clock=clock,
            meter=metrics,
            on_bug=self._bug,
            observers=(self._seen, rollouts.exchange),
            sinks=(DecisionLog(lines).exchange, metrics.exchange, rollouts.count),
            attempt_listeners=(self._breakers.attempt, self._board.attempt),
            release=self._breakers.release,
            alive=self._board.alive,
        )

    def use(self, snapshot: Snapshot) -> None:
        self._board.use(snapshot)
        self._rollouts.use(snapshot)
        self._metrics.config_in_use(snapshot, time.time())

    def decided(self, decided: Decided) -> None:
        self._metrics.decision(decided.took)
        now = self._clock()
        self._metrics.planned(decided.route, decided.outcome)
        self._board.decided(decided, now)
        self._outcomes.decided(decided)

    def observations(self, snapshot: Snapshot) -> Observations:
        seen = self._board.observations(self._clock(), snapshot)
        return Observations(seen.targets, seen.outputs, self._rollouts.shares(snapshot))

    def observed(self, snapshot: Snapshot) -> dict[str, Any]:
        """This moment's view of all targets, as a document without a clock."""
        return told(self.observations(snapshot), self._clock())

    def expose(self, snapshot: Snapshot) -> bytes:
        """The metrics, with what targets look like at this moment."""
        self._metrics.targets(self.observations(snapshot).targets, self._clock())
        return self._metrics.expose()

    def reserve(self, target: Target, exchange_id: str) -> bool:
        return self._breakers.reserve(target, exchange_id, self._clock())

    def shadow_sent(self, target: Target) -> None:
        self._metrics.shadow_sent(target)

    def shadow_ended(self, target: Target, result: str, seconds: float) -> None:
        self._metrics.shadow_ended(target, result, seconds)

    def record(self, record: Record) -> None:
        self._outcomes.record(record)

    def tick(self, snapshot: Snapshot) -> None:
        now = self._clock()
        self._outcomes.tick(now)
        self._board.tick(now)
        self._rollouts.tick(now)
        self._metrics.breakers(self._breakers.observations(now, snapshot).targets)

    # --- what other workers tell -------------------------------------------------------------------------------------

    def told_decided(self, decided: Decided) -> None:
        self._board.decided(decided, self._clock())
        self._outcomes.decided(decided)

    def told_shut(self, target: Target, breaker: Breaker) -> None:
        self._breakers.told_shut(target, breaker, self._clock())

    def knowledge(self) -> Knowledge:
        return knowledge_of(self._board)

    def begin_with(self, known: Knowledge, snapshot: Snapshot) -> None:
        begin_with(self._board, known, snapshot, self._clock())

    def flush(self) -> None:
        self._outcomes.flush()

    def _seen(self, outcome: Outcome) -> None:
        self._board.exchange(outcome, self._clock())

    def _bug(self, bug: BaseException) -> None:
        self._metrics.bug()
        _log.error("an outcome could not be told", exc_info=bug)
