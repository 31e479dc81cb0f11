"""An Envoy beside us that somebody else runs, from files that we keep: `envoy -c DIR/bootstrap.json` is all it needs.

Law: it is fed in the order of a reload (see feed.py), whether it runs, starts later or was started before us. What it
cannot be asked is waited for. Nothing of it is started or ended here.
"""

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import httpx

from extproc.dataplane.envoy import EnvoyAdmin, EnvoyFailed
from extproc.dataplane.feed import Feed, keep_only
from extproc.dataplane.supervise import DROP_OLD_AFTER, Configured
from extproc.stores.private_files import GROUP_TOO, OWNER, replace

LOOK = 1.0  # seconds between looks at how it is
UNSEEN = 3.0  # seconds that a change is given where nobody can be asked whether it was taken
_log = logging.getLogger("extproc")


@dataclass(frozen=True, slots=True)
class NeighbourDirectory:
    """What both sides see."""

    root: Path
    for_group: bool = False  # Envoy runs as another user of the same group

    @property
    def secrets(self) -> Path:
        return self.root / "s"

    @property
    def bootstrap(self) -> Path:
        return self.root / "bootstrap.json"

    @property
    def admin(self) -> Path:
        return self.root / "admin.sock"

    @property
    def processor(self) -> Path:
        return self.root / "processor.sock"

    @property
    def ca_bundle(self) -> Path:
        """A copy of ours: Envoy's image may have it elsewhere, or not at all."""
        return self.root / "ca-bundle.crt"

    @property
    def file_mode(self) -> int:
        return GROUP_TOO if self.for_group else OWNER

    @property
    def socket_mode(self) -> int:
        return 0o660 if self.for_group else 0o600

    def make(self) -> None:
        """Envoy makes a socket in the first; in the other it only reads."""
        for directory, mode in ((self.root, 0o770), (self.secrets, 0o750)):
            if not directory.exists():
                directory.mkdir(parents=True)
                directory.chmod(mode if self.for_group else 0o700)


class Neighbour:
    def __init__(self, directory: NeighbourDirectory, admin: EnvoyAdmin | None) -> None:
        """`admin` None: it cannot be asked."""
        self._directory = directory
        self._admin = admin
        self._feed = Feed(directory.root, run=f"{secrets.token_hex(3)}.", mode=directory.file_mode)
        self._drop: asyncio.Task[None] | None = None
        self._clusters: set[str] = set()
        self._bootstrap = ""
        self.live = admin is None
        self.version = ""

    # --- feeding -----------------------------------------------------------------------------------------------------

    async def start(self, configured: Configured, ca_bundle: bytes | None) -> None:
        """Everything, before the first request; in order, in case it runs already."""
        self._feed.take_over()
        if await self._runs():
            with contextlib.suppress(EnvoyFailed):  # it may be an old one that is ending
                await self.change(configured, ca_bundle, _nothing)
                return
        self._write_rest(configured, ca_bundle)
        self._feed.start(configured.snapshot.id, configured.listeners, configured.clusters, configured.routes)
        self._clusters = configured.cluster_names

    async def change(
        self, configured: Configured, ca_bundle: bytes | None, swap: Callable[[], Awaitable[None]]
    ) -> None:
        """Raises EnvoyFailed where it does not take it; nothing is swapped then. `ca_bundle` None: none is needed."""
        self._write_rest(configured, ca_bundle)
        admin = self._admin if self._admin is not None and await self._runs() else _Unseen()
        new = configured.cluster_names - self._clusters

        async def swap_when_resolved() -> None:
            await admin.until_resolved(new)
            await swap()

        try:
            await self._feed.change(
                admin,
                configured.snapshot.id,
                configured.listeners,
                configured.clusters,
                configured.routes,
                swap_when_resolved,
            )
        except httpx.HTTPError as error:
            raise EnvoyFailed(f"Envoy's admin interface broke off: {type(error).__name__}") from None
        self._clusters = configured.cluster_names
        if self._drop is not None:
            self._drop.cancel()
        self._drop = asyncio.create_task(self._drop_old(configured))

    def write_secrets(self, configured: Configured) -> bool:
        return self._feed.write_secrets(configured.secrets)

    def _write_rest(self, configured: Configured, ca_bundle: bytes | None) -> None:
        if ca_bundle is not None:
            replace(self._directory.ca_bundle, ca_bundle, self._directory.file_mode)
        self.write_secrets(configured)
        bootstrap = json.dumps(configured.bootstrap)
        if self._bootstrap not in ("", bootstrap):
            _log.warning("Envoy must be started anew to follow all of this configuration: its bootstrap is another")
        if bootstrap != self._bootstrap:
            self._bootstrap = bootstrap
            replace(self._directory.bootstrap, bootstrap, self._directory.file_mode)

    async def _drop_old(self, configured: Configured) -> None:
        await asyncio.sleep(DROP_OLD_AFTER)
        self._feed.drop_old(configured.snapshot.id, configured.clusters)
        keep_only(self._directory.secrets, configured.secrets)

    # --- how it is ---------------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """As long as we run: whether it is live, and which version."""
        while self._admin is not None:
            self.live = await self._admin.answers() and await self._admin.reaches_processor()
            if self.live and not self.version:
                with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
                    self.version = await self._admin.version()
            await asyncio.sleep(LOOK)

    async def close(self) -> None:
        if self._drop is not None:
            self._drop.cancel()
        if self._admin is not None:
            await self._admin.close()

    async def _runs(self) -> bool:
        if self._admin is None:
            return True
        try:
            return bool(await self._admin.stat("server.uptime"))
        except httpx.HTTPError:
            return False


class _Unseen:
    """An Envoy that cannot be asked is taken to have everything after a while."""

    def __init__(self) -> None:
        self.last_words: list[str] = []

    async def has_clusters(self, version: str) -> bool:
        await asyncio.sleep(UNSEEN)
        return True

    async def has_listeners(self, version: str) -> bool:
        return True

    async def has_routes(self, version: str) -> bool:
        return True

    async def until_resolved(self, clusters: Collection[str]) -> None:
        """Whether it has looked up their names is not to be known."""


async def _nothing() -> None:
    return None
