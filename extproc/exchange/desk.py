"""What every exchange is handed: snapshots, observations, time, dice, and where to tell what it decided.

Law: exchanges know only these few functions of the rooms around them; `app` says which concrete ones they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from extproc.decision.plan import Observations
from extproc.exchange.shelf import Shelf
from extproc.facts.request import CallerFacts
from extproc.outcome.pending import Decided
from extproc.snapshot import Snapshot, Target


class Books(Protocol):
    """Where exchanges report; the outcome room answers to this."""

    def decided(self, decided: Decided) -> None: ...

    def observations(self, snapshot: Snapshot) -> Observations: ...

    def reserve(self, target: Target, exchange_id: str) -> object: ...

    def shadow_sent(self, target: Target) -> None: ...

    def shadow_ended(self, target: Target, result: str, seconds: float) -> None: ...


class Pages(Protocol):
    """What the gateway tells callers of itself. `status` says in its body how it is."""

    def health(self) -> Mapping[str, object]: ...

    def health_of_providers(self, caller: CallerFacts) -> Mapping[str, object]: ...

    def ready(self) -> Mapping[str, object]: ...


class Agreement(Protocol):
    """Whether Envoys and we work with the same configuration."""

    @property
    def in_order(self) -> bool:
        """Envoy is told of a configuration in step with us, so an exchange keeps the one that matched it."""
        ...

    def met(self, snapshot_id: str, *, served: bool) -> None:
        """An exchange came by a route of this configuration."""
        ...

    def send_away(self, attempt: str) -> bool:
        """Whether another processor may know more of this attempt: once, and not where all know the same."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    shelf: Shelf
    books: Books
    now: Callable[[], float]
    epoch: Callable[[], float]
    draw: Callable[[], float]
    new_id: Callable[[], str]
    key: Callable[[str], bytes | None] = lambda name: None  # a secret of the keyring, by names.KEY_…; None: no such
    agreement: Agreement | None = None
    pages: Pages | None = None  # None: there are none
