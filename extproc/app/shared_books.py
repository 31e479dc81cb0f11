"""The books of one worker among several: what is written in them is told to the others.

Law: exchanges know no difference. Whoever is alone tells nobody, and pays nothing for it. Others are told first, so
that what follows from it here (a breaker opens) comes to them after it.
"""

from extproc.app.books import ExchangeBooks
from extproc.decision.plan import Observations
from extproc.outcome.pending import Decided
from extproc.outcome.record import Record
from extproc.snapshot import Snapshot, Target
from extproc.transport.relay import Relay
from extproc.wire import siblings as words


class SharedBooks:
    """Answers to exchange.desk.Books, and hears what Envoy's log says."""

    def __init__(self, books: ExchangeBooks, relay: Relay) -> None:
        self._books = books
        self._relay = relay

    def decided(self, decided: Decided) -> None:
        if not self._relay.alone and (told := words.encode_decided(decided)) is not None:
            self._relay.tell(words.DECIDED, told)
        self._books.decided(decided)

    def observations(self, snapshot: Snapshot) -> Observations:
        return self._books.observations(snapshot)

    def reserve(self, target: Target, exchange_id: str) -> None:
        if self._books.reserve(target, exchange_id) and not self._relay.alone:
            self._relay.tell(words.RESERVED, words.encode(words.Reserved(target, exchange_id)), at_once=True)

    def record(self, record: Record) -> None:
        """Received from Envoy."""
        if not self._relay.alone:
            self._relay.tell(words.RECORD, words.encode(record))
        self._books.record(record)

    def shadow_sent(self, target: Target) -> None:
        self._books.shadow_sent(target)

    def shadow_ended(self, target: Target, result: str, seconds: float) -> None:
        self._books.shadow_ended(target, result, seconds)
