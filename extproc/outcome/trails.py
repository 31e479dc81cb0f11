"""Which target each attempt was made at, found as soon as it can be.

Law: a listener hears of an attempt at most once for each (request id, place in the plan), whether its own record told
us, or the exchange's record in its stead, and however often either comes.

Envoy's record of an attempt names a cluster and neither a number nor a target, and attempts walk along the plan: so
an attempt stands at the first free place of the plan whose provider has that cluster. The plan is known at once where
the router phase told us, else when the exchange's record brings it.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from extproc import names
from extproc.outcome.classify import AttemptResult, classify, last_attempt
from extproc.outcome.join import Joined, RecordKey, record_key
from extproc.outcome.record import Record
from extproc.snapshot import Target

Listener = Callable[[AttemptResult, float], None]


@dataclass(frozen=True, slots=True)
class Place:
    target: Target
    cluster: str | None  # None: its snapshot is gone, so any cluster may be meant


@dataclass(slots=True)
class _Trail:
    results: dict[int, AttemptResult] = field(default_factory=dict)  # by number, from 1
    heard: set[RecordKey] = field(default_factory=set)


class Trails:
    def __init__(self, tell: Listener, limit: int = 20_000) -> None:
        self._tell = tell
        self._limit = limit
        self._trails: OrderedDict[str, _Trail] = OrderedDict()

    def __len__(self) -> int:
        return len(self._trails)

    def attempt(self, record: Record, plan: Sequence[Place], now: float) -> None:
        """One attempt's own record."""
        trail = self._of(record.request_id)
        key = record_key(record)
        if not plan or key in trail.heard:
            return
        trail.heard.add(key)
        number = _place(record, plan, trail)
        if number is not None:
            self._learn(trail, classify(record, plan[number - 1].target, number), now)

    def ended(self, joined: Joined, plan: Sequence[Place], now: float) -> tuple[AttemptResult, ...]:
        """The exchange has ended: all that is known of its attempts, in the order of the plan."""
        exchange = joined.exchange
        for record in joined.attempts:
            self.attempt(record, plan, now)
        trail = self._of(exchange.request_id)
        last = exchange.attempt
        if 0 < last <= len(plan) and last not in trail.results:
            told = classify(last_attempt(exchange), plan[last - 1].target, last)
            # the exchange's times are not its own
            self._learn(trail, replace(told, started_at=None, first_byte=None), now)
        return tuple(trail.results[number] for number in sorted(trail.results))

    def _learn(self, trail: _Trail, result: AttemptResult, now: float) -> None:
        trail.results[result.number] = result
        self._tell(result, now)

    def _of(self, request_id: str) -> _Trail:
        trail = self._trails.get(request_id)
        if trail is None:
            trail = self._trails[request_id] = _Trail()
            if len(self._trails) > self._limit:
                self._trails.popitem(last=False)
        return trail


def _place(record: Record, plan: Sequence[Place], trail: _Trail) -> int | None:
    """The number of the place at which this attempt was made; None if no free place has its cluster."""
    cluster = record.cluster.removesuffix(names.HELD_SUFFIX).removesuffix(names.UPGRADE_SUFFIX)
    numbers = [record.attempt] if 0 < record.attempt <= len(plan) else range(1, len(plan) + 1)
    for number in numbers:
        if number not in trail.results and plan[number - 1].cluster in (cluster, None):
            return number
    return None
