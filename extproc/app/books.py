"""The books of one processor: what was decided, what Envoy's log says became of it, what targets look like now."""

import logging
import time
from collections.abc import Callable
from typing import TextIO

from extproc.decision.breaker import Breaker
from extproc.decision.plan import Observations
from extproc.dialects.openai.usage import read_usage
from extproc.exchange.shelf import Shelf
from extproc.observe.decision_log import DecisionLog
from extproc.observe.metrics import Metrics
from extproc.outcome.breakers import Breakers
from extproc.outcome.last_used import LastUsed
from extproc.outcome.outcomes import Outcomes
from extproc.outcome.pending import Decided
from extproc.outcome.probed import Probed
from extproc.outcome.record import Record
from extproc.outcome.with_probes import with_probes
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
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._breakers = Breakers(Breaker)
        self._probed = probed
        self._last_used = last_used
        self.use(shelf.current)
        self._outcomes = Outcomes(
            snapshot_of=shelf.get,
            usage_of=read_usage,
            clock=clock,
            meter=metrics,
            on_bug=self._bug,
            sinks=(DecisionLog(lines).exchange, metrics.exchange),
            attempt_listeners=(self._breakers.attempt, last_used.attempt),
            release=self._breakers.release,
        )

    def use(self, snapshot: Snapshot) -> None:
        self._breakers.use(snapshot)
        self._last_used.use(snapshot)
        self._metrics.config_in_use(snapshot, time.time())

    def decided(self, decided: Decided) -> None:
        self._metrics.decision(decided.took)
        self._last_used.decided(decided, self._clock())
        self._outcomes.decided(decided)

    def observations(self, snapshot: Snapshot) -> Observations:
        return with_probes(self._breakers.observations(self._clock(), snapshot), self._probed)

    def reserve(self, target: Target, exchange_id: str) -> None:
        self._breakers.reserve(target, exchange_id, self._clock())

    def record(self, record: Record) -> None:
        self._outcomes.record(record)

    def tick(self, snapshot: Snapshot) -> None:
        now = self._clock()
        self._outcomes.tick(now)
        self._metrics.breakers(self._breakers.observations(now, snapshot).targets)

    def flush(self) -> None:
        self._outcomes.flush()

    def _bug(self, bug: BaseException) -> None:
        self._metrics.bug()
        _log.error("an outcome could not be told", exc_info=bug)
