"""Feeding Envoy: files that it watches, and the order of a change.

Law: a change never leaves a moment in which a plan names a cluster that Envoy lacks, or a route names a snapshot
that no processor has. Hence: secrets → clusters (old and new together) → Envoy has them → processors swap → routes →
Envoy has them → after a while the old clusters go. Files are replaced by rename, which is what Envoy watches for.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

from extproc.dataplane.envoy import EnvoyFailed
from extproc.stores.private_files import OWNER, replace

Resource = Mapping[str, Any]
_POLL = 0.02  # seconds; Envoy takes a change within about 20 ms


def keep_only(directory: Path, wanted: Collection[str]) -> None:
    """Deletes the files that nothing needs any more."""
    for file in directory.iterdir():
        if str(file) not in wanted:
            file.unlink(missing_ok=True)


def discovery(version: str, resources: list[Resource]) -> str:
    """The contents of one file that Envoy follows: a DiscoveryResponse."""
    return json.dumps({"version_info": version, "resources": resources})


class Fed(Protocol):
    """Who follows the files."""

    last_words: list[str]

    async def has_clusters(self, version: str) -> bool: ...

    async def has_routes(self, version: str) -> bool: ...

    async def has_listeners(self, version: str) -> bool: ...


class Feed:
    """What Envoy has been given, and how it gets something new."""

    def __init__(self, xds: Path, *, run: str = "", mode: int = OWNER) -> None:
        """`run`: what tells our versions from those of a process before us that fed the same Envoy."""
        self._xds = xds
        self._run = run
        self._mode = mode
        self._clusters: dict[str, Resource] = {}
        self._listeners = ""
        self._changes = 0

    def _version(self, snapshot_id: str) -> str:
        self._changes += 1
        return f"{snapshot_id}.{self._run}{self._changes}"

    def write_secrets(self, secrets: Mapping[str, str]) -> bool:
        """The text of each file with a secret; written before the cluster that reads it. Whether any is new."""
        new = [name for name, text in secrets.items() if not Path(name).exists() or Path(name).read_text() != text]
        for name in new:
            replace(Path(name), secrets[name], self._mode)
        return bool(new)

    def _write(self, name: str, version: str, resources: list[Resource]) -> None:
        replace(self._xds / f"{name}.json", discovery(version, resources), self._mode)

    def _write_listeners(self, version: str, listeners: list[Resource]) -> bool:
        """Only when they changed: every new listener makes Envoy drain the connections of the old one."""
        text = json.dumps(listeners, sort_keys=True)
        if text == self._listeners:
            return False
        self._listeners = text
        self._write("lds", version, listeners)
        return True

    def take_over(self) -> None:
        """Goes on where a process before us ended, whose Envoy still runs."""
        for kept in self._read("cds"):
            self._clusters[str(kept["name"])] = kept
        self._listeners = json.dumps(self._read("lds"), sort_keys=True)

    def _read(self, name: str) -> list[Resource]:
        try:
            return list(json.loads((self._xds / f"{name}.json").read_text())["resources"])
        except (OSError, ValueError, KeyError, TypeError):
            return []  # nobody was before us

    def start(
        self, snapshot_id: str, listeners: list[Resource], clusters: list[Resource], routes: list[Resource]
    ) -> None:
        """Everything at once, before Envoy runs."""
        version = self._version(snapshot_id)
        self._clusters = {str(cluster["name"]): cluster for cluster in clusters}
        self._write("cds", version, clusters)
        self._write("rds", version, routes)
        self._write_listeners(version, listeners)

    async def change(
        self,
        envoy: Fed,
        snapshot_id: str,
        listeners: list[Resource],
        clusters: list[Resource],
        routes: list[Resource],
        swap: Callable[[], Awaitable[None]],
        patience: float = 20.0,
    ) -> None:
        version = self._version(snapshot_id)
        self._clusters.update({str(cluster["name"]): cluster for cluster in clusters})
        self._write("cds", version, list(self._clusters.values()))
        await self._until(lambda: envoy.has_clusters(version), "the new clusters", envoy, patience)
        await swap()
        self._write("rds", version, routes)
        if self._write_listeners(version, listeners):
            await self._take_listeners(envoy, version, patience)
        await self._until(lambda: envoy.has_routes(version), "the new routes", envoy, patience)

    async def _take_listeners(self, envoy: Fed, version: str, patience: float) -> None:
        try:
            await self._until(lambda: envoy.has_listeners(version), "the new listener", envoy, patience)
        except EnvoyFailed:
            self._listeners = ""  # what Envoy has not taken is no reason to write nothing the next time
            raise

    def drop_old(self, snapshot_id: str, clusters: list[Resource]) -> None:
        """After draining: only what the current snapshot names."""
        wanted = {str(cluster["name"]): cluster for cluster in clusters}
        if wanted.keys() != self._clusters.keys():
            self._clusters = wanted
            self._write("cds", self._version(snapshot_id), clusters)

    async def _until(self, done: Callable[[], Awaitable[bool]], what: str, envoy: Fed, patience: float) -> None:
        deadline = asyncio.get_running_loop().time() + patience
        while not await done():
            if asyncio.get_running_loop().time() > deadline:
                words = f": {envoy.last_words[-1]}" if envoy.last_words else ""
                raise EnvoyFailed(f"Envoy did not take {what} within {patience:.0f} s{words}")
            await asyncio.sleep(_POLL)
