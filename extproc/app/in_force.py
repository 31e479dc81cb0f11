"""The configuration that this processor works by: swapped whole, by who feeds us or by our own watching.

Law: a configuration with an error changes nothing, and is told of. Exchanges keep the snapshot that they began with.
"""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from extproc.app.feeding import Feeding
from extproc.app.keyring import HeldKeys
from extproc.config.load import Loaded, load
from extproc.config.transfer import decode_snapshot
from extproc.config.watch import changes, fingerprint
from extproc.exchange.shelf import Shelf
from extproc.snapshot import Snapshot

_log = logging.getLogger("extproc")


class InForce:
    def __init__(
        self,
        shelf: Shelf,
        use: Callable[[Snapshot], None],
        counted: Callable[[Literal["ok", "rejected"]], None],
        keys: HeldKeys,
        feeding: Feeding | None = None,
    ) -> None:
        """`use`: everything that has to know. `counted` hears of each reload, `ok` or `rejected`. `feeding`: who gives
        a neighbour Envoy the same configuration, in the order that fails nothing."""
        self._shelf = shelf
        self._use = use
        self._counted = counted
        self._keys = keys
        self._feeding = feeding
        self._loaded_at = time.monotonic()
        self._problem: str | None = None

    def document(self) -> dict[str, object]:
        return {
            "hash": self._shelf.current.id,
            "age_seconds": round(time.monotonic() - self._loaded_at, 1),
            "error": self._problem,
        }

    def swap_bytes(self, data: bytes) -> str:
        """Raises ValueError."""
        snapshot = decode_snapshot(data)
        self.swap(snapshot)
        self._counted("ok")
        return snapshot.id

    def rejected(self) -> None:
        self._counted("rejected")

    async def watch(self, source: Path, open_to_strangers: bool) -> None:
        """Follows the file, for ever."""
        loaded = load(source, os.environ)
        seen = fingerprint(source, loaded.files)
        await self._follow(loaded, open_to_strangers)  # it may have been edited since we were started with it
        followed = list(loaded.files)
        async for _ in changes(source, lambda: tuple(followed), since=seen):
            loaded = load(source, os.environ)
            followed[:] = loaded.files or followed
            await self._follow(loaded, open_to_strangers)

    def swap(self, snapshot: Snapshot) -> None:
        self._shelf.put(snapshot)
        self._loaded_at = time.monotonic()
        self._problem = None
        self._use(snapshot)

    async def _follow(self, loaded: Loaded, open_to_strangers: bool) -> None:
        if loaded.compiled is None:
            self._refuse("; ".join(str(problem) for problem in loaded.problems))
            return
        self._keys.use(loaded.compiled.keys)
        new = opened(loaded.compiled.snapshot, open_to_strangers)
        same = new.id == self._shelf.current.id
        if self._feeding is not None:
            why = await self._feeding.change(loaded.compiled, lambda: self.swap(new), same=same)
            if why is not None:
                self._refuse(why)
                return
        elif not same:
            self.swap(new)
        self._problem = None
        if not same:
            self._counted("ok")
            _log.info("configuration %s is in force", new.id)

    def _refuse(self, why: str) -> None:
        self._problem = why
        self.rejected()
        _log.error("the new configuration is not used: %s", why)


def opened(snapshot: Snapshot, open_to_strangers: bool) -> Snapshot:
    return replace(snapshot, open=True) if open_to_strangers else snapshot
