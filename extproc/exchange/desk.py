"""What every exchange is handed: the shelf of snapshots, what was observed, time, dice, and where to tell what it decided.

Law: exchanges know only these few functions of the rooms around them; `app` says which concrete ones they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from extproc.decision.plan import Observations, Plan
from extproc.exchange.shelf import Shelf
from extproc.facts.request import Facts
from extproc.refusal import Refusal
from extproc.snapshot import Snapshot, Target


@dataclass(frozen=True, slots=True)
class Decided:
    """What the router phase knows of an exchange, for those who keep the books."""

    exchange_id: str
    request_id: str  # Envoy's
    snapshot_id: str
    route: str
    endpoint: str
    outcome: Plan | Refusal
    facts: Facts | None  # None: refused before anything was read
    decided_at: float
    took: float  # seconds of ours


class Books(Protocol):
    """Where exchanges report; the outcome room answers to this."""

    def decided(self, decided: Decided) -> None: ...

    def observations(self, snapshot: Snapshot) -> Observations: ...

    def reserve(self, target: Target, exchange_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    shelf: Shelf
    books: Books
    now: Callable[[], float]
    draw: Callable[[], float]
    new_id: Callable[[], str]
    bug: Callable[[BaseException, str], None]  # (what, exchange id): a bug of ours, for the log
