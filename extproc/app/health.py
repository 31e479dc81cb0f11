"""What the gateway says of its providers' health: to operators all of it, to callers no more than is theirs to know.

Law: nothing is asked of anybody here; it is told from what probes and attempts left behind. Callers see the providers
that they may use, and neither addresses nor reasons, which name them.
"""

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from extproc.decision.health import Together, joined, provider_health
from extproc.decision.permission import may_use_provider
from extproc.decision.plan import Health, Measure, Observation, Observations, fresh
from extproc.exchange.shelf import Shelf
from extproc.facts.request import CallerFacts
from extproc.probing.board import Probing
from extproc.snapshot import Provider, Snapshot, Target

Document = dict[str, Any]
HEALTHY: Final = "healthy"
DEGRADED: Final = "degraded"  # the next requests try whether it is well again
UNHEALTHY: Final = "unhealthy"  # it gets no requests
TOLD_AGAIN: Final = 0.5  # seconds for which a look at all providers is good enough
FOR_CALLERS: Final = (
    "status",
    "state",
    "latency_ms",
    "error_rate",
    "queue_depth",
    "tokens_per_second",
    "latency_p95_ms",
)


class HealthPages:
    """Answers to exchange.desk.Pages."""

    def __init__(
        self,
        shelf: Shelf,
        observe: Callable[[Snapshot], Observations],
        probing: Probing,
        now: Callable[[], float],
        epoch: Callable[[], float],
        draining: Callable[[], bool],
    ) -> None:
        self._shelf = shelf
        self._observe = observe
        self._probing = probing
        self._now = now
        self._epoch = epoch
        self._draining = draining
        self._told: tuple[str, float, Document] | None = None  # of which snapshot, when, what

    def providers(self) -> Document:
        """For operators. Many who ask at once are told the same: looking at every target takes its time."""
        snapshot, now = self._shelf.current, self._now()
        if self._told is None or self._told[0] != snapshot.id or now - self._told[1] >= TOLD_AGAIN:
            seen = self._observe(snapshot)
            told = {name: self._provider(one, seen) for name, one in snapshot.providers.items()}
            self._told = (snapshot.id, now, told)
        return self._told[2]

    def health_of_providers(self, caller: CallerFacts) -> Document:
        told = self.providers()
        mine = (name for name in told if may_use_provider(caller, name))
        return {name: {key: told[name][key] for key in FOR_CALLERS if key in told[name]} for name in mine}

    def health(self) -> Document:
        """How many clusters and other providers are healthy. `unhealthy`: none of either gets requests."""
        states = {name: told["status"] for name, told in self.providers().items()}
        clusters = {name for name, one in self._shelf.current.providers.items() if one.by_the_hour is not None}
        healthy = {name for name, status in states.items() if status == HEALTHY}
        out = all(status == UNHEALTHY for status in states.values())
        status = HEALTHY if len(healthy) == len(states) else UNHEALTHY if out else DEGRADED
        return {
            "status": status,
            "healthy_clusters": len(healthy & clusters),
            "total_clusters": len(clusters),
            "healthy_providers": len(healthy - clusters),
            "total_providers": len(states) - len(clusters),
            "timestamp": datetime.fromtimestamp(int(self._epoch()), UTC).isoformat().replace("+00:00", "Z"),
        }

    def ready(self) -> Document:
        return {"status": "draining" if self._draining() else "ready"}

    # --- one provider ------------------------------------------------------------------------------------------------

    def _provider(self, provider: Provider, observations: Observations) -> Document:
        now = self._now()
        seen = {target: observations.of(target) for target in _targets(provider, observations)}
        states = {target: joined(one) for target, one in seen.items()}
        view = self._probing.seen(provider.name)
        probed = None if view is None else Together(view.health, view.health_why)
        together = provider_health(probed, list(states.values()))
        told: Document = {
            "status": _status(view.health if view is not None else "unknown", together.state),
            "state": together.state,
            "reason": together.why,
            "latency_ms": self._latency(provider.name, seen.values()),
            "error_rate": _mean(_fresh((one.errors for one in seen.values()), now)),
        }
        if view is not None:
            told |= {
                "queue_depth": fresh(view.queue_depth, now),
                "tokens_per_second": fresh(view.tokens_per_second, now),
                "latency_p95_ms": _milliseconds(fresh(view.latency_p95, now)),
                "endpoints": self._endpoints(provider.name),
            }
        troubled = {target.model: self._target(one, states[target]) for target, one in seen.items()}
        return told | {"targets": {model: one for model, one in troubled.items() if one["state"] != "unknown"}}

    def _target(self, seen: Observation, state: Together) -> Document:
        left = None if seen.reopens_at is None else max(math.ceil(seen.reopens_at - self._now()), 0)
        return {
            "state": state.state,
            "reason": state.why,
            "breaker": seen.breaker,
            "reopens_in_seconds": left,
            "error_rate": fresh(seen.errors, self._now()),
        }

    def _latency(self, provider: str, seen: Iterable[Observation]) -> float | None:
        """To the first token, as its exchanges had it; else until it answers a probe."""
        tokens = _mean(_fresh((one for each in seen for one in each.first_token.values()), self._now()))
        probed = self._probing.probed(provider)
        took = [one.took for one in probed.endpoints if one.took is not None] if probed is not None else []
        return _milliseconds(tokens if tokens is not None else min(took, default=None))

    def _endpoints(self, provider: str) -> list[Document]:
        probed = self._probing.probed(provider)
        return [
            {
                "endpoint": one.name,
                "state": one.health.state,
                "reason": one.health.why,
                "response_time_ms": _milliseconds(one.took),
                "probed_seconds_ago": None if one.probed_at is None else round(self._now() - one.probed_at, 1),
            }
            for one in (probed.endpoints if probed is not None else ())
        ]


def _targets(provider: Provider, observations: Observations) -> list[Target]:
    """Those that it lists, and those that something was seen of."""
    listed = [Target(provider.name, model.name) for model in provider.models if "*" not in model.name]
    prefix = f"{provider.name}/"
    others = (Target(provider.name, key.removeprefix(prefix)) for key in observations.targets if key.startswith(prefix))
    return list(dict.fromkeys((*listed, *others)))


def _status(probed: Health, together: Health) -> str:
    """One that probes have not opened again gets nothing; where only breakers try it again, requests do that."""
    if together == "shut" or probed == "probing":
        return UNHEALTHY
    return DEGRADED if together == "probing" else HEALTHY


def _fresh(measures: Iterable[Measure | None], now: float) -> list[float]:
    return [value for one in measures if (value := fresh(one, now)) is not None]


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
