"""The supervisor: Envoy and processors together, fed, watched, reloaded and ended in the right order.

Law: it starts the workers before Envoy and ends them after. It holds the one configuration that is in force; a reload
either takes effect everywhere or nowhere. What goes wrong while starting is one line for people.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from extproc.dataplane import envoy_metrics
from extproc.dataplane.envoy import VERSION_WANTED, Envoy, EnvoyFailed, start_envoy
from extproc.dataplane.feed import Feed, keep_only
from extproc.dataplane.run_directory import RunDirectory
from extproc.dataplane.worker import ProcessorFailed
from extproc.dataplane.workers import Workers
from extproc.observe.envoy_table import CALLERS
from extproc.snapshot import Snapshot
from extproc.stores import private_files

DROP_OLD_AFTER = 90.0  # seconds: longer than a streamed request waits for a first byte
OPEN_EXCHANGES = f"http.{CALLERS}.downstream_rq_active"
_START_PATIENCE = 30.0
_log = logging.getLogger("extproc")


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration that may be put in force: checked, compiled, rendered."""

    snapshot: Snapshot
    snapshot_bytes: bytes
    bootstrap: Mapping[str, Any]
    listeners: list[Mapping[str, Any]]
    clusters: list[Mapping[str, Any]]
    routes: list[Mapping[str, Any]]
    secrets: Mapping[str, str] = field(repr=False)  # by the file that Envoy reads it from
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)  # by the file that the processor reads it from

    @property
    def cluster_names(self) -> set[str]:
        return {str(cluster["name"]) for cluster in self.clusters}


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    secure: bool = False

    @property
    def reachable(self) -> str:
        """The host by which we ourselves reach it."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)

    @property
    def authority(self) -> str:
        return f"{_in_url(self.host)}:{self.port}"

    @property
    def local(self) -> str:
        return f"{'https' if self.secure else 'http'}://{_in_url(self.reachable)}:{self.port}"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class Supervisor:
    def __init__(
        self,
        run: RunDirectory,
        workers: Workers,
        address: Address,
        *,
        envoy_binary: str,
        concurrency: int,
        drain: float,
        said: Callable[[str, str], None],
    ) -> None:
        self._run = run
        self._address = address
        self._binary = envoy_binary
        self._concurrency = concurrency
        self._drain = drain
        self._said = said
        self._feed = Feed(run.xds)
        self._workers = workers
        self._envoy: Envoy | None = None
        self._envoy_version = ""
        self._in_force: Configured | None = None
        self._since = 0.0
        self._problem: str | None = None
        self._accepting = False
        self._ending = False
        self._reload = asyncio.Lock()
        self._drop: asyncio.Task[None] | None = None

    # --- starting and ending -----------------------------------------------------------------------------------------

    async def start(self, configured: Configured) -> None:
        try:
            self._write_all(configured)
        except OSError as error:
            raise EnvoyFailed(self._unwritable(error)) from None
        await self._workers.start()
        self._envoy = await start_envoy(
            self._binary,
            self._run.bootstrap,
            self._run.envoy_admin,
            concurrency=self._concurrency,
            said=self._said,
        )
        self._take(configured)
        await self._until_ready()
        await self._envoy.until_resolved(configured.cluster_names)
        self._envoy_version = await self._envoy.version()
        if not self._envoy_version.startswith(VERSION_WANTED):
            raise EnvoyFailed(f"{self._binary} is Envoy {self._envoy_version}; extproc up needs {VERSION_WANTED}")

    def _write_all(self, configured: Configured) -> None:
        self._run.snapshot.write_bytes(configured.snapshot_bytes)
        private_files.replace(self._run.bootstrap, json.dumps(configured.bootstrap))
        self._feed.write_secrets(configured.secrets)
        self._feed.write_secrets(configured.keys)
        self._feed.start(configured.snapshot.id, configured.listeners, configured.clusters, configured.routes)

    def _unwritable(self, error: OSError) -> str:
        return f"the run's private directory {self._run.root} cannot be written: {error.strerror}; TMPDIR says where"

    async def _until_ready(self) -> None:
        assert self._envoy is not None
        deadline = time.monotonic() + _START_PATIENCE
        while (await self.ready())["status"] != "ready":
            if not self._envoy.child.running:
                raise EnvoyFailed(f"Envoy ended while starting: {self.last_words()}")
            if time.monotonic() > deadline:
                raise EnvoyFailed(f"Envoy was not ready within {_START_PATIENCE:.0f} s")
            await asyncio.sleep(0.03)

    async def stop(self) -> None:
        """Envoy first stops listening and lets open exchanges end, as long as `drain` says; the processor goes last."""
        self._ending = True
        if self._drop is not None:
            self._drop.cancel()
        if self._envoy is not None:
            await self._drain_envoy(self._envoy)
            await self._envoy.child.stop(2.0)
            await self._envoy.close()
        await self._workers.stop()

    async def _drain_envoy(self, envoy: Envoy) -> None:
        deadline = time.monotonic() + self._drain
        with contextlib.suppress(httpx.HTTPError):
            await envoy.tell("/healthcheck/fail")
            await envoy.tell("/drain_listeners?graceful&skip_exit")
            while time.monotonic() < deadline and await envoy.stat(OPEN_EXCHANGES) not in ("0", ""):
                await asyncio.sleep(0.05)

    def last_words(self) -> str:
        words = self._envoy.last_words if self._envoy is not None else []
        return words[-1] if words else "it said nothing"

    async def envoy_ended(self) -> int:
        """Waits for Envoy to end by itself; without it there is no gateway."""
        assert self._envoy is not None
        return await self._envoy.child.process.wait()

    # --- changes -----------------------------------------------------------------------------------------------------

    async def refuse(self, problem: str) -> None:
        """A reload that cannot be: the old configuration stays in force, and /readyz says why."""
        self._problem = problem
        _log.error("the new configuration is not used: %s", problem)
        await self._workers.rejected()

    async def change(self, configured: Configured) -> None:
        """Puts another configuration in force, or keeps the old one and says why."""
        assert self._envoy is not None
        async with self._reload:
            try:
                changed = [self._feed.write_secrets(files) for files in (configured.secrets, configured.keys)]
                if any(changed):
                    _log.info("credentials, keys or certificates that changed are in force")
                if self._in_force is not None and self._in_force.snapshot.id == configured.snapshot.id:
                    self._problem = None
                    return
                await self._feed.change(
                    self._envoy,
                    configured.snapshot.id,
                    configured.listeners,
                    configured.clusters,
                    configured.routes,
                    lambda: self._swap_when_resolved(configured),
                )
            except (EnvoyFailed, ProcessorFailed, httpx.HTTPError) as error:
                await self.refuse(str(error))
                return
            except OSError as error:
                await self.refuse(self._unwritable(error))
                return
            if self._in_force is not None and configured.bootstrap != self._in_force.bootstrap:
                _log.warning("`connections` and `memory` of `listen.limits` hold from the next start on")
            self._take(replace(configured, bootstrap=self._in_force.bootstrap) if self._in_force else configured)
            _log.info("configuration %s is in force", configured.snapshot.id)
            if self._drop is not None:
                self._drop.cancel()
            self._drop = asyncio.create_task(self._drop_old(configured))

    async def _swap_when_resolved(self, configured: Configured) -> None:
        old = self._in_force.cluster_names if self._in_force is not None else set()
        assert self._envoy is not None
        await self._envoy.until_resolved(configured.cluster_names - old)  # the old ones have had their moment
        self._run.snapshot.write_bytes(configured.snapshot_bytes)
        await self._workers.swap(configured.snapshot_bytes, configured.snapshot.id)

    async def _drop_old(self, configured: Configured) -> None:
        await asyncio.sleep(DROP_OLD_AFTER)
        self._feed.drop_old(configured.snapshot.id, configured.clusters)
        keep_only(self._run.keys, configured.keys)

    def _take(self, configured: Configured) -> None:
        self._in_force = configured
        self._since = time.monotonic()
        self._problem = None

    async def reopen_logs(self) -> None:
        """Envoy goes on in a new file by the old name: whoever rotates has moved the old one away."""
        if self._envoy is not None:
            try:
                (await self._envoy.tell("/reopen_logs")).raise_for_status()
            except httpx.HTTPError as error:
                _log.error("Envoy did not open its access log anew: %s", error or type(error).__name__)
            else:
                _log.info("Envoy opened its access log anew")

    async def is_alive(self) -> bool:
        """Whether Envoy still answers, ready or not; while everything ends it need not."""
        return self._ending or (self._envoy is not None and await self._envoy.responds())

    async def replace_workers(self) -> None:
        """Other processes for all workers, one after the other, with the code as it is on disk now. Raises
        ProcessorFailed: whoever was not replaced serves on."""
        await self._workers.replace_each(self._reload)

    # --- what it looks like from outside -----------------------------------------------------------------------------

    async def ready(self) -> dict[str, object]:
        envoy, configured = self._envoy, self._in_force
        answering = await self._workers.answers()
        listening = envoy is not None and envoy.child.running and await envoy.answers()
        reached = listening and envoy is not None and await envoy.reaches_processor()
        ok = answering and reached and await self._accepts_connections()
        return {
            "status": "ready" if ok else "not ready",
            "config": {
                "hash": configured.snapshot.id if configured else None,
                "age_seconds": round(time.monotonic() - self._since, 1) if configured else None,
                "error": self._problem,
            },
            "processors": [{"pid": pid} for pid in self._workers.pids],
            "envoy": {"pid": envoy.child.pid if envoy else None, "version": self._envoy_version},
        }

    async def _accepts_connections(self) -> bool:
        """Envoy calls itself live a moment before its threads listen. Asked until it was so once."""
        if not self._accepting:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(self._address.reachable, self._address.port)
                writer.close()
                self._accepting = True
        return self._accepting

    async def metrics(self) -> str:
        """The processors', and of Envoy's what it alone knows."""
        return await self._workers.metrics() + await self._envoy_metrics()

    async def _envoy_metrics(self) -> str:
        try:
            return envoy_metrics.exposed(await self._envoy.refusals()) if self._envoy is not None else ""
        except httpx.HTTPError:
            return ""

    def statistics(self, *, used_only: bool) -> AsyncIterator[bytes]:
        """Envoy's own, as Prometheus reads them."""
        if self._envoy is None:
            raise EnvoyFailed("Envoy does not run yet")
        return self._envoy.statistics(used_only=used_only)

    async def page(self, path: str) -> dict[str, object] | None:
        """One of the processor's own pages; None: it does not answer."""
        return await self._workers.page(path)
