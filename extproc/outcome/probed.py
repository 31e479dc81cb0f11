"""What active probes say of a provider, as far as the board of observations needs to know.

Law: whoever probes answers to `Probed`, at once and from memory: it is asked for each candidate of each decision.
None, and every None within a view, is «nobody looked», which is not the same as nothing.
"""

from dataclasses import dataclass
from typing import Protocol

from extproc.decision.plan import Health, Measure


@dataclass(frozen=True, slots=True)
class ProbeView:
    """One provider at this moment; all of its targets share it."""

    health: Health = "unknown"
    health_why: str = ""
    queue_depth: Measure | None = None  # requests that wait
    tokens_per_second: Measure | None = None
    latency_p95: Measure | None = None  # seconds


class Probed(Protocol):
    def seen(self, provider: str) -> ProbeView | None:
        """None where it is not probed."""
        ...


class NothingProbed:
    """Where nobody probes."""

    def seen(self, provider: str) -> ProbeView | None:
        return None
