"""What the router phase told us of exchanges that have not ended yet.

Law: a help, never a premise. It lets breakers learn from an attempt's record at once (such a record names no target),
and fills in where an exchange's record came without metadata. Bounded: the oldest goes out.
"""

from collections import OrderedDict
from dataclasses import dataclass

from extproc.decision.plan import Plan
from extproc.facts.request import Facts
from extproc.refusal import Refusal


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
    def __init__(self, limit: int = 20_000) -> None:
        self._limit = limit
        self._by_request: OrderedDict[str, Decided] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_request)

    def decided(self, decided: Decided) -> Decided | None:
        """Keep it. The one that had to go for it, if any."""
        self._by_request[decided.request_id] = decided
        self._by_request.move_to_end(decided.request_id)
        if len(self._by_request) <= self._limit:
            return None
        return self._by_request.popitem(last=False)[1]

    def of(self, request_id: str) -> Decided | None:
        return self._by_request.get(request_id)

    def forget(self, request_id: str) -> Decided | None:
        return self._by_request.pop(request_id, None)
