"""When a request of ours last went to each provider, and when it last answered: what a cluster that sleeps goes by.

Law: a plan's first target is used from the moment of the decision, and each that was tried until its attempt ended. Who
was asked is not for that awake: one that is still starting, or cannot be reached, has not answered.
"""

from collections.abc import Mapping
from typing import Final

from extproc.decision.plan import Plan
from extproc.outcome.classify import AttemptResult
from extproc.outcome.pending import Decided
from extproc.snapshot import Snapshot

ANSWERED: Final = frozenset({"ok", "caller_error", "rate_limited"})


class LastUsed:
    def __init__(self) -> None:
        self._used: dict[str, float] = {}
        self._answered: dict[str, float] = {}

    def of(self, provider: str) -> float | None:
        """None: never, as long as we have been here."""
        return self._used.get(provider)

    def answered(self, provider: str) -> float | None:
        """None: likewise."""
        return self._answered.get(provider)

    def use(self, snapshot: Snapshot) -> None:
        """Providers that left are forgotten."""
        for moments in (self._used, self._answered):
            for name in [name for name in moments if name not in snapshot.providers]:
                del moments[name]

    def all(self) -> tuple[dict[str, float], dict[str, float]]:
        """When each was used, and when it answered."""
        return dict(self._used), dict(self._answered)

    def inherit(self, used: Mapping[str, float], answered: Mapping[str, float]) -> None:
        self._used.update(used)
        self._answered.update(answered)

    def decided(self, decided: Decided, now: float) -> None:
        if isinstance(decided.outcome, Plan):
            self._used[decided.outcome.steps[0].target.provider] = now

    def attempt(self, result: AttemptResult, now: float) -> None:
        self._used[result.target.provider] = now
        if result.kind in ANSWERED:
            self._answered[result.target.provider] = now
