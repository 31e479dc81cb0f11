"""The records of one exchange, brought together by Envoy's request id.

Law: an exchange comes out exactly once for each exchange record that came in, whatever the order, the duplicates and
the losses around it: at once when all the attempts that it counted are here, else after a grace. Memory is bounded;
what goes out early for that is counted, and an exchange that had already ended still comes out.

  attempt records ─▶ group ◀─ exchange record
                       │ all there, or grace over, or no room ─▶ Joined, and its id is remembered
                       └ no exchange record for very long ─▶ lost

A record that another worker relayed joins like our own; what is lost is counted by who should have it: the receiver of
the exchange's record, or where that never came, of an attempt's.

Envoy counts an attempt for which it found no host, but writes no record of it. Periodic records change nothing: they
only show that the group is still alive.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from extproc.outcome.classify import NO_HOST
from extproc.outcome.record import Record

GRACE: Final = 1.0  # seconds: records of one exchange come within milliseconds of each other, or not at all
LONGEST_SILENCE: Final = 600.0  # seconds: Envoy tells of each open exchange every 10; so it tells another processor
LIMIT: Final = 20_000

RecordKey = tuple[float, str, int]


@dataclass(frozen=True, slots=True)
class Joined:
    exchange: Record
    attempts: tuple[Record, ...]  # in the order in which they began
    missing: int  # attempts that Envoy counted and nobody told us of


@dataclass(slots=True)
class _Group:
    touched: float
    exchange: Record | None = None
    attempts: dict[RecordKey, Record] = field(default_factory=dict)

    def missing(self) -> int:
        return max(expected(self.exchange) - len(self.attempts), 0) if self.exchange else 0


def record_key(record: Record) -> RecordKey:
    """What tells the attempts of one exchange apart: they begin one after the other."""
    return record.started_at, record.cluster, record.attempt


def expected(exchange: Record) -> int:
    """How many attempt records there are of this exchange."""
    without_host = bool(exchange.flags & NO_HOST) and not exchange.remote_address
    return max(exchange.attempt - without_host, 0)


class Join:
    def __init__(
        self,
        lost: Callable[[int], None],
        grace: float = GRACE,
        limit: int = LIMIT,
        longest_silence: float = LONGEST_SILENCE,
    ) -> None:
        self._lost = lost
        self._grace = grace
        self._limit = limit
        self._longest_silence = longest_silence
        self._groups: OrderedDict[str, _Group] = OrderedDict()  # the least recently touched first
        self._waiting: OrderedDict[str, float] = OrderedDict()  # ended, attempts missing → when the grace is over
        self._done: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._groups)

    def is_over(self, request_id: str) -> bool:
        """Whether its exchange has come out already."""
        return request_id in self._done

    def add(self, record: Record, now: float) -> list[Joined]:
        """Take one record; what is ready because of it."""
        request_id = record.request_id
        if not request_id:  # a request so broken that Envoy gave it no id: nothing else can belong to it
            return [Joined(record, (), 0)] if record.kind == "exchange" and record.final else []
        if request_id in self._done:
            return []
        if not record.final:
            self._touch(request_id, now)
            return []
        group = self._groups.setdefault(request_id, _Group(now))
        self._touch(request_id, now)
        if record.kind == "attempt":
            group.attempts.setdefault(record_key(record), record)
        elif group.exchange is None:
            group.exchange = record
            self._waiting[request_id] = now + self._grace
        ready = [self._take(request_id)] if group.exchange and not group.missing() else []
        return [*(joined for joined in ready if joined), *self._make_room()]

    def tick(self, now: float) -> list[Joined]:
        """What has waited long enough."""
        ready = list(self._overdue(now))
        while self._groups:
            request_id, group = next(iter(self._groups.items()))
            if now - group.touched < self._longest_silence:
                break
            ready.append(self._take(request_id))
        return [joined for joined in ready if joined]

    def flush(self) -> list[Joined]:
        """All exchanges that have ended, without waiting for the rest: we are going down."""
        return [joined for request_id in list(self._waiting) if (joined := self._take(request_id))]

    def _overdue(self, now: float) -> Iterator[Joined | None]:
        while self._waiting:
            request_id, deadline = next(iter(self._waiting.items()))
            if deadline > now:
                return
            yield self._take(request_id)

    def _make_room(self) -> list[Joined]:
        ready = []
        while len(self._groups) > self._limit:
            ready.append(self._take(next(iter(self._groups))))
        return [joined for joined in ready if joined]

    def _touch(self, request_id: str, now: float) -> None:
        group = self._groups.get(request_id)
        if group is not None:
            group.touched = now
            self._groups.move_to_end(request_id)

    def _take(self, request_id: str) -> Joined | None:
        group = self._groups.pop(request_id)
        self._waiting.pop(request_id, None)
        if group.exchange is None:
            self._lost(0 if all(one.relayed for one in group.attempts.values()) else 1)
            return None
        self._done[request_id] = None
        if len(self._done) > self._limit:
            self._done.popitem(last=False)
        if group.missing() and not group.exchange.relayed:
            self._lost(group.missing())
        in_order = sorted(group.attempts.values(), key=lambda record: record.started_at)
        return Joined(group.exchange, tuple(in_order), group.missing())
