"""How many exchanges each target has now: counted from the decision, not from when an answer begins.

Law: an exchange counts at exactly one target of its plan, or at none; so no count is ever below zero, and all are zero
once no exchange is open. It counts at the first one from the decision on (a burst would else find everybody idle), goes
along the plan as its attempts fail, and counts nowhere when the exchange has ended, was not heard of for SILENCE, or
had to make room. Envoy tells of each open exchange every 10 seconds, also while nothing is answered yet: one that we do
not know (we were started in between) is taken up then, where it is; of one that was decided here and of which no word
has come by FIRST_WORD, Envoy tells another processor.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from extproc.decision.plan import Plan
from extproc.outcome.classify import AttemptResult
from extproc.outcome.known import Known
from extproc.outcome.pending import Decided
from extproc.outcome.record import Record

LIMIT: Final = 20_000
OpenWalk = tuple[str, tuple[str, ...], int, float]  # Envoy's request id, the plan, the place in it, when last heard of
SILENCE: Final = 35.0  # seconds: three of Envoy's words in a row did not come
FIRST_WORD: Final = 15.0  # seconds: nor did the first one


class Busy(Protocol):
    """Who wants to know when a provider has anything to do."""

    def began(self, provider: str, now: float) -> None: ...

    def ended(self, provider: str, now: float) -> None: ...


@dataclass(slots=True)
class _Walk:
    """One open exchange on its way along its plan."""

    plan: tuple[str, ...]
    place: int  # where it is, from 0; behind the last it is nowhere
    heard: float

    @property
    def target(self) -> str | None:
        return self.plan[self.place] if self.place < len(self.plan) else None


class InFlight:
    def __init__(self, busy: Busy, limit: int = LIMIT, silence: float = SILENCE) -> None:
        self._busy = busy
        self._limit = limit
        self._silence = silence
        self._walks: OrderedDict[str, _Walk] = OrderedDict()  # by Envoy's request id, the longest silent first
        self._unheard: OrderedDict[str, float] = OrderedDict()  # decided here, the first word has not come yet
        self._targets: dict[str, int] = {}
        self._providers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._walks)

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets)

    def of(self, target: str) -> int:
        return self._targets.get(target, 0)

    def decided(self, decided: Decided, now: float) -> None:
        if isinstance(decided.outcome, Plan) and decided.request_id:
            self._open(decided.request_id, tuple(str(step.target) for step in decided.outcome.steps), 0, now)
            self._unheard[decided.request_id] = now

    def attempt(self, result: AttemptResult, now: float) -> None:
        """An attempt has ended: the exchange goes on to the next target, or is over."""
        walk = self._walks.get(result.request_id)
        if walk is None:
            return
        self._hear(result.request_id, walk, now)
        over = result.kind in ("ok", "cancelled")
        self._go(walk, len(walk.plan) if over else max(walk.place, result.number), now)

    def alive(self, record: Record, told: Known, now: float) -> None:
        """Envoy says that an exchange is still open, and at which attempt."""
        walk = self._walks.get(record.request_id)
        place = max(record.attempt - 1, 0)
        if walk is not None:
            self._hear(record.request_id, walk, now)
            self._go(walk, max(walk.place, place), now)
        elif record.request_id and told.targets:
            self._open(record.request_id, tuple(str(target) for target in told.targets), place, now)

    def ended(self, request_id: str, now: float) -> None:
        self._unheard.pop(request_id, None)
        walk = self._walks.pop(request_id, None)
        if walk is not None:
            self._go(walk, len(walk.plan), now)

    def tick(self, now: float) -> None:
        while self._unheard and now - next(iter(self._unheard.values())) >= FIRST_WORD:
            self.ended(next(iter(self._unheard)), now)
        while self._walks:
            request_id, walk = next(iter(self._walks.items()))
            if now - walk.heard < self._silence:
                return
            self.ended(request_id, now)

    def all(self) -> list[OpenWalk]:
        return [(request_id, walk.plan, walk.place, walk.heard) for request_id, walk in self._walks.items()]

    def inherit(self, walks: Iterable[OpenWalk], now: float) -> None:
        for request_id, plan, place, heard in walks:
            self._open(request_id, plan, place, now)
            self._walks[request_id].heard = heard

    def _open(self, request_id: str, plan: tuple[str, ...], place: int, now: float) -> None:
        self.ended(request_id, now)  # an id that comes again is another exchange's
        walk = self._walks[request_id] = _Walk(plan, place, now)
        self._count(walk.target, 1, now)
        if len(self._walks) > self._limit:
            self.ended(next(iter(self._walks)), now)

    def _hear(self, request_id: str, walk: _Walk, now: float) -> None:
        walk.heard = now
        self._unheard.pop(request_id, None)
        self._walks.move_to_end(request_id)

    def _go(self, walk: _Walk, place: int, now: float) -> None:
        if place == walk.place:
            return
        before = walk.target
        walk.place = place
        self._count(walk.target, 1, now)  # the new one first: a provider that has both was never idle
        self._count(before, -1, now)

    def _count(self, target: str | None, by: int, now: float) -> None:
        if target is None:
            return
        provider = target.partition("/")[0]
        _add(self._targets, target, by)
        at_provider = _add(self._providers, provider, by)
        if by > 0 and at_provider == 1:
            self._busy.began(provider, now)
        elif not at_provider:
            self._busy.ended(provider, now)


def _add(counts: dict[str, int], name: str, by: int) -> int:
    """The new count. Zero is not kept."""
    count = counts.get(name, 0) + by
    if count:
        counts[name] = count
    else:
        del counts[name]
    return count
