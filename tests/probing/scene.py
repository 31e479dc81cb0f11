"""Probes on a clock of the test's, against whatever a test serves."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from extproc.dataplane.ca import find_ca_bundle
from extproc.probing.connection import Connection
from extproc.probing.endpoint import ProbedEndpoint
from extproc.probing.hosts import HostNames
from extproc.probing.provider import ProbedProvider, Tools
from extproc.probing.shown import Shown
from extproc.snapshot import Endpoint, HealthSpec, Provider, Snapshot

PATIENCE = 0.3  # seconds that a real server is waited for


def cluster(*ports: int, name: str = "west", **more: Any) -> Provider:
    endpoints = tuple(Endpoint("http", "127.0.0.1", port) for port in ports)
    provider = Provider(
        name=name,
        dialect="openai",
        cluster=name,
        endpoints=endpoints,
        path_prefix="",
        versioned=False,
        models=(),
        lists_models=False,
        health=HealthSpec(timeout=PATIENCE),
    )
    return replace(provider, **more)


def configured(*providers: Provider) -> Snapshot:
    named = {provider.name: provider for provider in providers}
    return Snapshot(id="s", providers=named, services={}, routes=(), aliases={}, strategies={})


@dataclass
class Scene:
    """Time, dice, meter and memory of requests."""

    time: float = 1000.0
    keys: dict[str, bytes] = field(default_factory=dict)
    probes: list[tuple[str, bool]] = field(default_factory=list)
    used: dict[str, float] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)
    ticks: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> float:
        return self.time

    def probe(self, provider: str, ok: bool) -> None:
        self.probes.append((provider, ok))

    async def sleep(self, seconds: float) -> None:
        """Time passes only here, and only when the test lets it."""
        self.slept.append(seconds)
        await self.ticks.wait()
        self.ticks.clear()
        self.time += seconds

    @property
    def tools(self) -> Tools:
        return Tools(now=self.now, sleep=self.sleep, draw=lambda: 0.5, meter=self, last_used=self.used.get)

    @property
    def shown(self) -> Shown:
        return Shown(self.keys.get, lambda: 1_700_000_000.0, lambda: "a-nonce")

    def endpoint(self, provider: Provider) -> ProbedEndpoint:
        return self.endpoints(provider)[0]

    def endpoints(self, provider: Provider) -> list[ProbedEndpoint]:
        assert provider.health is not None
        timeout, ca, hosts = provider.health.timeout, find_ca_bundle(), HostNames()
        return [
            ProbedEndpoint(
                provider,
                one,
                Connection(provider, one, timeout, ca, hosts, self.keys.get),
                self.shown.headers,
                self.now,
            )
            for one in provider.endpoints
        ]

    def provider(self, provider: Provider) -> ProbedProvider:
        return ProbedProvider(provider, self.endpoints(provider), self.tools, asyncio.Semaphore(4))


async def until(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)
