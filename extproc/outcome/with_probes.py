"""Observations with what probes say of each target's provider, looked up as they are asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from extproc.decision.plan import UNMEASURED, Observation, Observations
from extproc.outcome.probed import Probed


def with_probes(seen: Observations, probed: Probed) -> Observations:
    return replace(seen, targets=_WithProbes(seen.targets, probed))


class _WithProbes(Mapping[str, Observation]):
    """Counts and lists only the targets that attempts said something of; every other one can be asked for too."""

    def __init__(self, seen: Mapping[str, Observation], probed: Probed) -> None:
        self._seen = seen
        self._probed = probed

    def __getitem__(self, key: str) -> Observation:
        view = self._probed.seen(key.partition("/")[0])
        if view is None:
            return self._seen[key]
        return replace(
            self._seen.get(key, UNMEASURED),
            health=view.health,
            health_why=view.health_why,
            queue_depth=view.queue_depth,
            tokens_per_second=view.tokens_per_second,
            latency_p95=view.latency_p95,
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)
