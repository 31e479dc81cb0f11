"""Who is probed: a task for each provider whose configuration asks for it, from snapshot to snapshot.

Law: a provider that stays as it is keeps its task and what is known of it; one that left or changed ends at once, and
begins anew. Nothing here is in a request's way: what is asked of the board is answered from what it has. Of several
workers one probes; what it found is what the others know.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Final

from extproc.decision.plan import Health
from extproc.outcome.probed import ProbeView
from extproc.probing.connection import Connection
from extproc.probing.endpoint import Asking, ProbedEndpoint, SeenEndpoint
from extproc.probing.hosts import HostNames
from extproc.probing.provider import ProbedProvider, Tools
from extproc.probing.shown import Key, Shown
from extproc.snapshot import Endpoint, HealthSpec, Provider, Snapshot

MOST_AT_ONCE: Final = 32  # probes that are out at the same time
Connect = Callable[[Provider, Endpoint], Asking]


def connecting(ca_bundle: str | None, key: Key) -> Connect:
    """`ca_bundle`: what the TLS of providers without a CA of their own is checked against."""

    hosts = HostNames()

    def connect(provider: Provider, endpoint: Endpoint) -> Asking:
        spec = provider.health or HealthSpec()
        return Connection(provider, endpoint, spec.timeout, ca_bundle, hosts, key)

    return connect


class Probing:
    """Answers to outcome.probed.Probed. All of it on one event loop."""

    def __init__(self, tools: Tools, shown: Shown, connect: Connect) -> None:
        self._tools = tools
        self._shown = shown
        self._connect = connect
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        self._probed: dict[str, ProbedProvider] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._leads = True

    def use(self, snapshot: Snapshot) -> None:
        """The configuration in use from now on."""
        wanted = {name: provider for name, provider in snapshot.providers.items() if provider.health is not None}
        for name, probed in list(self._probed.items()):
            if name not in wanted or _concerns(wanted[name]) != _concerns(probed.provider):
                self._end(name)
        for name, provider in wanted.items():
            if name not in self._probed:
                self._begin(provider)

    async def stop(self) -> None:
        for name in list(self._probed):
            self._end(name)
        if self._ending:
            await asyncio.wait(self._ending)

    def seen(self, provider: str) -> ProbeView | None:
        """None: it is not probed."""
        probed = self._probed.get(provider)
        return None if probed is None else probed.view

    def probed(self, provider: str) -> ProbedProvider | None:
        return self._probed.get(provider)

    def states(self) -> Mapping[str, Health]:
        return {name: probed.view.health for name, probed in self._probed.items()}

    # --- of several workers ------------------------------------------------------------------------------------------

    def lead(self, leads: bool) -> None:
        """Whether it is this worker that probes. What is known stays known."""
        if leads == self._leads:
            return
        self._leads = leads
        known = self.told()
        for name, probed in list(self._probed.items()):
            self._end(name)
            self._begin(probed.provider)
        self.stand(known)

    def told(self) -> dict[str, list[SeenEndpoint]]:
        return {name: [one.seen() for one in probed.endpoints] for name, probed in self._probed.items()}

    def stand(self, told: Mapping[str, list[SeenEndpoint]]) -> None:
        for name, seen in told.items():
            if name in self._probed:
                self._probed[name].stand(seen)

    # --- tasks -------------------------------------------------------------------------------------------------------

    def _begin(self, provider: Provider) -> None:
        endpoints = [
            ProbedEndpoint(provider, endpoint, self._connect(provider, endpoint), self._shown.headers, self._tools.now)
            for endpoint in provider.endpoints
        ]
        probed = ProbedProvider(provider, endpoints, self._tools, self._turns)
        self._probed[provider.name] = probed
        if self._leads:
            self._tasks[provider.name] = asyncio.create_task(_run(probed), name=f"probes of {provider.name}")

    def _end(self, name: str) -> None:
        del self._probed[name]
        task = self._tasks.pop(name, None)
        if task is None:
            return
        task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _run(probed: ProbedProvider) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        try:
            await probed.run()
        finally:
            await probed.close()


def _concerns(provider: Provider) -> tuple[object, ...]:
    """All of a provider that a probe depends on."""
    return (
        provider.cluster,  # its secrets go by it
        provider.endpoints,
        provider.path_prefix,
        provider.versioned,
        provider.credential,
        dict(provider.headers),
        provider.connect_timeout,
        provider.proxy,
        provider.tls,
        provider.health,
        provider.sign,
        provider.by_the_hour,
    )
