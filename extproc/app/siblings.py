"""The other workers of this machine: what they are told, what is heard of them, and who leads.

Law: every worker sees every record of Envoy's log, so all learn the same; what is counted and logged is so where the
record came in. The oldest that does not leave leads: it alone probes providers and moves canaries, and tells the others
where they stand. Who begins asks it for what it knows; nobody else ever waits for a sibling.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Final

from extproc.app.books import ExchangeBooks
from extproc.decision.breaker import Breaker
from extproc.exchange.shelf import Shelf
from extproc.observe.metrics import Metrics
from extproc.outcome.record import RelayedRecord
from extproc.outcome.rollouts import Rollouts
from extproc.probing.board import Probing
from extproc.snapshot import Target
from extproc.transport.relay import HELLO, Relay
from extproc.wire import siblings as words
from extproc.wire.codec import Garbled

PATIENCE: Final = 1.0  # seconds that who begins waits for the others' hello, and again for what they know
TELL_AGAIN: Final = 1.0  # seconds after which the leader says anew where all stands
_log = logging.getLogger("extproc")


class Siblings:
    def __init__(
        self,
        directory: Path,
        shelf: Shelf,
        books: ExchangeBooks,
        rollouts: Rollouts,
        probing: Probing,
        metrics: Metrics,
        clock: Callable[[], float],
        leads: Callable[[bool], None],
    ) -> None:
        """`leads` is told whenever that changes."""
        self._shelf = shelf
        self._books = books
        self._rollouts = rollouts
        self._probing = probing
        self._metrics = metrics
        self._clock = clock
        self._tell_leads = leads
        self.relay = Relay(directory, self._heard, self._left, metrics.sibling_messages_lost)
        self._born = 0.0
        self._ages: dict[str, float] = {}  # when each was born, by name; those that leave never were
        self._joined = False
        self._leaving = False
        self._greeted = asyncio.Event()
        self._known = asyncio.Event()
        self._told_at = 0.0
        self.leads = False

    # --- life --------------------------------------------------------------------------------------------------------

    async def join(self) -> None:
        """Find the others, and begin with what the one that leads knows."""
        self._born = self._clock()
        await self.relay.start(words.encode(words.Hello(self._born)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not set(self.relay.siblings) <= self._ages.keys():
                    self._greeted.clear()
                    await self._greeted.wait()
        leader = min(self._ages, key=self._rank, default=None)
        if leader is not None:
            self.relay.tell_one(leader, words.ASKED, b"")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._known.wait(), PATIENCE)
        self._joined = True
        self._look_who_leads()

    def leave(self) -> None:
        """Another leads from now on. What is heard and said goes on until the end."""
        self._leaving = True
        self.relay.hello = words.encode(words.Hello(self._born, leaving=True))
        self.relay.tell(words.LEAVING, b"", at_once=True)
        self._look_who_leads()

    async def close(self) -> None:
        await self.relay.close()

    def tick(self, now: float) -> None:
        if self.leads and not self.relay.alone and now - self._told_at >= TELL_AGAIN:
            self.tell_standing()

    def tell_shut(self, target: Target, breaker: Breaker) -> None:
        if not self.relay.alone:
            self.relay.tell(words.SHUT, words.encode(words.Shut(target, breaker)), at_once=True)

    def tell_standing(self) -> None:
        if self.leads:
            self._told_at = self._clock()
            self.relay.tell(words.STANDING, words.encode(self._standings()), at_once=True)

    def _standings(self) -> words.Standings:
        return words.Standings(self._rollouts.standing(), self._probing.told())

    # --- who leads ---------------------------------------------------------------------------------------------------

    def _rank(self, name: str) -> tuple[float, str]:
        return self._ages[name], name

    def _look_who_leads(self) -> None:
        mine = (self._born, self.relay.name)
        leads = self._joined and not self._leaving and all(mine < self._rank(name) for name in self._ages)
        if leads != self.leads:
            self.leads = leads
            self._probing.lead(leads)
            self._rollouts.lead(leads)
            self._tell_leads(leads)

    def _left(self, name: str) -> None:
        if self._ages.pop(name, None) is not None:
            self._look_who_leads()

    # --- what is heard -----------------------------------------------------------------------------------------------

    def _heard(self, name: str, kind: int, message: bytes) -> None:
        try:
            self._take(name, kind, message)
        except Garbled:
            self._metrics.sibling_messages_lost()
        except Exception:
            self._metrics.bug()
            _log.exception("what a sibling told could not be taken")

    def _take(self, name: str, kind: int, message: bytes) -> None:
        if kind == HELLO:
            hello = words.decode(message, words.Hello)
            self._ages[name] = math.inf if hello.leaving else hello.born
            self._greeted.set()
            self._look_who_leads()
        elif kind == words.LEAVING:
            self._ages[name] = math.inf
            self._look_who_leads()
        elif kind == words.ASKED:
            self.relay.tell_one(name, words.KNOWN, words.encode(self._all()))
        elif kind == words.KNOWN:
            self._begin_with(words.decode(message, words.Known))
        elif self._joined:
            self._take_news(kind, message)

    def _take_news(self, kind: int, message: bytes) -> None:
        if kind == words.RECORD:
            self._books.record(words.decode(message, RelayedRecord))
        elif kind == words.DECIDED:
            self._books.told_decided(words.decode_decided(message))
        elif kind == words.RESERVED:
            reserved = words.decode(message, words.Reserved)
            self._books.reserve(reserved.target, reserved.exchange_id)
        elif kind == words.SHUT:
            shut = words.decode(message, words.Shut)
            self._books.told_shut(shut.target, shut.breaker)
        elif kind == words.STANDING and not self.leads:
            self._stand(words.decode(message, words.Standings))

    def _stand(self, told: words.Standings) -> None:
        self._rollouts.stand(told.canaries)
        self._probing.stand(told.probes)

    # --- what is handed on -------------------------------------------------------------------------------------------

    def _all(self) -> words.Known:
        windows = [(*of, parts) for of, parts in self._rollouts.windows().items()]
        return words.Known(self._books.knowledge(), self._standings(), windows)

    def _begin_with(self, told: words.Known) -> None:
        self._books.begin_with(told.knowledge, self._shelf.current)
        self._stand(told.standings)
        self._rollouts.inherit({(strategy, arm): parts for strategy, arm, parts in told.windows})
        self._joined = True
        self._known.set()
