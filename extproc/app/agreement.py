"""Whether Envoys work with the configuration that we do, as the routes that their requests come by say.

Law: an Envoy that somebody else runs may be ahead or behind. That is served as far as it can be, counted, and told:
in the log once a minute, on /readyz as long as it goes on.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from extproc.exchange.shelf import Shelf
from extproc.observe.metrics import Metrics

RECENTLY: Final = 60.0  # seconds
MOST: Final = 16  # configurations that are remembered
MOST_SENT: Final = 1024  # attempts that were sent away and may come back
LONGEST: Final = 64  # characters of one's hash
_log = logging.getLogger("extproc")


class Agreement:
    """Answers to exchange.desk.Agreement."""

    def __init__(self, shelf: Shelf, metrics: Metrics, clock: Callable[[], float], *, in_order: bool) -> None:
        self.in_order = in_order
        self._shelf = shelf
        self._metrics = metrics
        self._clock = clock
        self._met: OrderedDict[str, float] = OrderedDict()
        self._sent: OrderedDict[str, None] = OrderedDict()
        self._told: dict[tuple[str, str], float] = {}

    def met(self, snapshot_id: str, *, served: bool) -> None:
        now, current = self._clock(), self._shelf.current.id
        self._met[snapshot_id] = now
        self._met.move_to_end(snapshot_id)
        if len(self._met) > MOST:
            self._met.popitem(last=False)
        if self._is_ours(snapshot_id):
            return
        self._metrics.other_configuration("served" if served else "refused")
        if now - self._told.get((snapshot_id, current), -RECENTLY) >= RECENTLY:
            self._told = {pair: when for pair, when in self._told.items() if now - when < RECENTLY}
            self._told[(snapshot_id, current)] = now
            _log.warning("%s", self._sentence(snapshot_id))

    def send_away(self, attempt: str) -> bool:
        """One that comes back has been everywhere."""
        if self.in_order or attempt in self._sent:
            return False
        self._sent[attempt] = None
        if len(self._sent) > MOST_SENT:
            self._sent.popitem(last=False)
        return True

    def document(self) -> dict[str, Any]:
        """For /readyz: what Envoys worked with in the last minute."""
        since = self._clock() - RECENTLY
        recent = [snapshot_id for snapshot_id, when in self._met.items() if when >= since]
        others = [snapshot_id for snapshot_id in recent if not self._is_ours(snapshot_id)]
        return {
            "hashes": [snapshot_id[:LONGEST] for snapshot_id in recent],
            "error": "; ".join(map(self._sentence, others)) or None,
        }

    def _is_ours(self, snapshot_id: str) -> bool:
        """In step with us an Envoy may still be at what went before."""
        if snapshot_id == self._shelf.current.id:
            return True
        return self.in_order and self._shelf.get(snapshot_id) is not None

    def _sentence(self, snapshot_id: str) -> str:
        ours, theirs = self._shelf.current.id, snapshot_id[:LONGEST]
        return f"Envoy works with configuration {theirs!r}, the processor with {ours}: render it again"
