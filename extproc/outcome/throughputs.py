"""The board of throughputs: of each cluster that is paid by the hour, what it makes of its time.

Law: only providers priced by the hour have one: of others nobody asks. It is told when a provider has something to do,
when it has nothing more, and how many tokens came of it.
"""

from collections.abc import Mapping

from extproc.decision.plan import Measure
from extproc.decision.throughput import Throughput
from extproc.snapshot import Snapshot

IDLE = Throughput()


class Throughputs:
    def __init__(self) -> None:
        self._clusters: dict[str, Throughput] = {}

    def use(self, snapshot: Snapshot) -> None:
        names = [name for name, provider in snapshot.providers.items() if provider.by_the_hour is not None]
        self._clusters = {name: self._clusters.get(name, IDLE) for name in names}

    def all(self) -> dict[str, Throughput]:
        return dict(self._clusters)

    def inherit(self, known: Mapping[str, Throughput]) -> None:
        self._clusters.update({name: one for name, one in known.items() if name in self._clusters})

    def began(self, provider: str, now: float) -> None:
        if provider in self._clusters:
            self._clusters[provider] = self._clusters[provider].began(now)

    def ended(self, provider: str, now: float) -> None:
        if provider in self._clusters:
            self._clusters[provider] = self._clusters[provider].ended(now)

    def produced(self, provider: str, tokens: int, now: float) -> None:
        if provider in self._clusters and tokens > 0:
            self._clusters[provider] = self._clusters[provider].produced(tokens, now)

    def of(self, provider: str) -> Measure | None:
        cluster = self._clusters.get(provider)
        return cluster.measure if cluster is not None else None
