"""One provider that is probed: its endpoints, round by round, for as long as the configuration has it.

Law: a round never raises and never waits for another provider's. What changes is said once, in the log.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from extproc.decision.health import is_asleep, together
from extproc.decision.plan import Measure, fresh
from extproc.outcome.probed import ProbeView
from extproc.probing.endpoint import ProbedEndpoint, SeenEndpoint
from extproc.snapshot import HealthSpec, Provider

FIRST_WITHIN: Final = 1.0  # seconds: all providers at the same moment would be a burst
JITTER: Final = 0.1  # share of the interval by which a round comes sooner
LEAST_PAUSE: Final = 0.05  # seconds, behind a round that took longer than the interval
_log = logging.getLogger("extproc.probing")


class Meter(Protocol):
    def probe(self, provider: str, ok: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What probing is handed: time, dice, and what it must know of the rooms around it."""

    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]
    draw: Callable[[], float]
    meter: Meter
    last_used: Callable[[str], float | None]  # when a request of ours last went to a provider; None: none did


class ProbedProvider:
    def __init__(
        self, provider: Provider, endpoints: Sequence[ProbedEndpoint], tools: Tools, turns: asyncio.Semaphore
    ) -> None:
        """`turns` bounds how many probes are out at the same time, those of all providers together."""
        self.provider = provider
        self.endpoints = tuple(endpoints)
        self._spec = provider.health or HealthSpec()
        self._tools = tools
        self._turns = turns
        self._asleep = False
        self._awake_since: float | None = None
        self.view = ProbeView()  # as of the latest probe: decisions ask for it often

    async def run(self) -> None:
        """Until it is cancelled."""
        await self._tools.sleep(self._tools.draw() * min(FIRST_WITHIN, self._spec.interval))
        while True:
            began = self._tools.now()
            try:
                await self.round()
            except Exception:
                _log.exception("a probe of %s ended with an error of ours", self.provider.name)
            pause = self._spec.interval * (1 - JITTER * self._tools.draw()) - (self._tools.now() - began)
            await self._tools.sleep(max(pause, LEAST_PAUSE))

    async def round(self) -> None:
        if self._sleeps():
            for endpoint in self.endpoints:
                endpoint.fall_asleep()
        else:
            await asyncio.gather(*(self._probe(endpoint) for endpoint in self.endpoints))
        self._renew()

    def stand(self, seen: Sequence[SeenEndpoint]) -> None:
        """As another worker has seen it."""
        for endpoint, told in zip(self.endpoints, seen, strict=False):
            endpoint.stand(told)
        self.view = self._look()

    async def close(self) -> None:
        for endpoint in self.endpoints:
            await endpoint.close()

    # --- one round ---------------------------------------------------------------------------------------------------

    async def _probe(self, endpoint: ProbedEndpoint) -> None:
        async with self._turns:
            ok = await endpoint.probe(lenient=self._wakes())
        self._tools.meter.probe(self.provider.name, ok)
        self._renew()

    def _sleeps(self) -> bool:
        name, now = self.provider.name, self._tools.now()
        asleep = is_asleep(self.provider.by_the_hour, self._tools.last_used(name), now)
        if self._asleep and not asleep:
            self._awake_since = now
        self._asleep = asleep
        return asleep

    def _wakes(self) -> bool:
        """It was used a moment ago after a long rest: that it does not answer yet says nothing."""
        cluster = self.provider.by_the_hour
        if self._awake_since is None or cluster is None or cluster.wake_up is None:
            return False
        return self._tools.now() - self._awake_since < cluster.wake_up

    def _renew(self) -> None:
        before, self.view = self.view, self._look()
        state, why = self.view.health, self.view.health_why
        if state != before.health:
            level = logging.WARNING if state == "shut" else logging.INFO
            _log.log(level, "provider %s is %s%s", self.provider.name, state, f": {why}" if why else "")

    # --- what is known -----------------------------------------------------------------------------------------------

    def _look(self) -> ProbeView:
        health = together({endpoint.name: endpoint.health for endpoint in self.endpoints})
        now = self._tools.now()
        serving = [endpoint for endpoint in self.endpoints if endpoint.health.state == "serving"]
        return ProbeView(
            health=health.state,
            health_why=health.why,
            queue_depth=_joined([one.queue_depth for one in serving], now, _mean),
            tokens_per_second=_joined([one.tokens_per_second for one in serving], now, sum),
            latency_p95=_joined([one.latency_p95 for one in serving], now, max),
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _joined(measures: Sequence[Measure | None], now: float, join: Callable[[Sequence[float]], float]) -> Measure | None:
    """Of those that are fresh; as old as the latest of them."""
    known = [one for one in measures if one is not None and fresh(one, now) is not None]
    if not known:
        return None
    return Measure(join([one.value for one in known]), max(one.at for one in known), len(known))
