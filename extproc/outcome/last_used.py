"""When a request of ours last went to each provider: what a cluster that sleeps for want of them goes by.

Law: a plan's first target is used from the moment of the decision, and each that was tried until its attempt ended.
"""

from extproc.decision.plan import Plan
from extproc.outcome.classify import AttemptResult
from extproc.outcome.pending import Decided
from extproc.snapshot import Snapshot


class LastUsed:
    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    def of(self, provider: str) -> float | None:
        """None: never, as long as we have been here."""
        return self._at.get(provider)

    def use(self, snapshot: Snapshot) -> None:
        """Providers that left are forgotten."""
        self._at = {name: at for name, at in self._at.items() if name in snapshot.providers}

    def decided(self, decided: Decided, now: float) -> None:
        if isinstance(decided.outcome, Plan):
            self._at[decided.outcome.steps[0].target.provider] = now

    def attempt(self, result: AttemptResult, now: float) -> None:
        self._at[result.target.provider] = now
