"""What the router phase told us of exchanges that have not ended yet.

Law: a help, never a premise. It lets breakers learn from an attempt's record at once (such a record names no target),
and fills in where an exchange's record came without metadata. Bounded: who was not heard of for longest goes out.

Envoy tells of each open exchange every 10 seconds. Where several processors serve it, it tells another one of what was
decided here, as often as not; of such an exchange nothing is ever heard, and after SILENCE it is forgotten.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from extproc.decision.plan import Plan
from extproc.facts.request import Facts
from extproc.refusal import Refusal

SILENCE: Final = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision, as the exchange room made it."""

    exchange_id: str
    request_id: str  # Envoy's
    snapshot_id: str
    route: str
    endpoint: str
    outcome: Plan | Refusal
    facts: Facts | None  # None: refused before anything of it was read
    took: float  # seconds that the decision took us


class Pending:
    def __init__(self, limit: int = 20_000, silence: float = SILENCE) -> None:
        self._limit = limit
        self._silence = silence
        self._by_request: OrderedDict[str, Decided] = OrderedDict()  # the longest silent first
        self._heard: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._by_request)

    def decided(self, decided: Decided, now: float) -> Decided | None:
        """Keep it. The one that had to go for it, if any."""
        self._by_request[decided.request_id] = decided
        self.heard(decided.request_id, now)
        return self._oldest() if len(self._by_request) > self._limit else None

    def heard(self, request_id: str, now: float) -> None:
        """A record of it came."""
        if request_id in self._by_request:
            self._by_request.move_to_end(request_id)
            self._heard[request_id] = now

    def of(self, request_id: str) -> Decided | None:
        return self._by_request.get(request_id)

    def forget(self, request_id: str) -> Decided | None:
        self._heard.pop(request_id, None)
        return self._by_request.pop(request_id, None)

    def silent(self, now: float) -> Iterator[Decided]:
        """Forgets those of which nothing is heard any more."""
        while self._by_request and now - self._heard[next(iter(self._by_request))] >= self._silence:
            yield self._oldest()

    def _oldest(self) -> Decided:
        request_id, decided = self._by_request.popitem(last=False)
        del self._heard[request_id]
        return decided
