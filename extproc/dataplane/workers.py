"""All workers of this machine together: started, kept, swapped, asked and replaced as if they were one.

Law: what is asked of all is asked at the same time. A page is told by the one that leads; counters are added up over
all that ever ran, so a worker that ends takes nothing out of them.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from extproc.dataplane.slot import Slot
from extproc.dataplane.worker import Worker
from extproc.observe.merged import Departed, merged

MOST: Final = 32  # more than this share so much that they carry no more
_log = logging.getLogger("extproc")

Command = Callable[[int, Path], list[str]]  # a worker's number and its admin socket → how it is started


class Workers:
    def __init__(
        self, count: int, command: Command, admin: Callable[[str], Path], siblings: Path, grace: float
    ) -> None:
        """`admin`: a socket's path by a short name. `siblings`: the directory in which workers find each other."""
        self._command = command
        self._admin = admin
        self._siblings = siblings
        self._grace = grace
        self._made = 0
        self._departed = Departed()
        self._slots = [Slot(partial(self._make, number), self._departed.add) for number in range(count)]

    def _make(self, number: int) -> Worker:
        self._made += 1
        admin = self._admin(f"a{self._made}.sock")  # never one that another still has
        return Worker(self._command(number, admin), admin, self._siblings, self._grace)

    @property
    def pids(self) -> list[int]:
        return [pid for slot in self._slots if (pid := slot.worker.pid) is not None]

    # --- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Raises ProcessorFailed."""
        await asyncio.gather(*(slot.start() for slot in self._slots))

    async def stop(self) -> None:
        await asyncio.gather(*(slot.stop() for slot in self._slots))

    async def replace_each(self, calm: asyncio.Lock) -> None:
        """One after the other. `calm`: held while one starts, so that it misses no snapshot.

        Raises ProcessorFailed at the first that does not start; those before it are new then."""
        for number, slot in enumerate(self._slots):
            before = slot.worker.pid
            await slot.replace(calm)
            _log.info("worker %d is new: pid %s in place of %s", number, slot.worker.pid, before)

    # --- telling and asking ------------------------------------------------------------------------------------------

    async def answers(self) -> bool:
        """Whether any does: Envoy finds it."""
        return any(await asyncio.gather(*(slot.worker.answers() for slot in self._slots)))

    async def swap(self, snapshot: bytes, snapshot_id: str) -> None:
        await asyncio.gather(*(slot.worker.swap(snapshot, snapshot_id) for slot in self._slots))

    async def rejected(self) -> None:
        await asyncio.gather(*(slot.worker.rejected() for slot in self._slots))

    async def metrics(self) -> str:
        asked = self._all()
        texts = dict(zip(asked, await asyncio.gather(*(worker.metrics() for worker in asked)), strict=True))
        here = [texts[worker] for worker in self._all() if worker in texts]  # who left meanwhile is among the departed
        return merged([text for text in here if text], self._departed)

    async def page(self, path: str) -> dict[str, Any] | None:
        """As the leading worker tells it; None: nobody answers."""
        for worker in await self._leader_first():
            if (told := await worker.page(path)) is not None:
                return told
        return None

    async def ready(self) -> dict[str, Any] | None:
        """What the leading worker says of itself."""
        for worker in await self._leader_first():
            if (told := await worker.ready()) is not None:
                return told
        return None

    def _all(self) -> list[Worker]:
        return [worker for slot in self._slots for worker in slot.workers]

    async def _leader_first(self) -> list[Worker]:
        workers = [slot.worker for slot in self._slots]
        if len(workers) == 1:
            return workers
        said = await asyncio.gather(*(worker.ready() for worker in workers))
        leads = [bool(told and told.get("leads")) for told in said]
        return [worker for _, worker in sorted(zip(leads, workers, strict=True), key=lambda one: not one[0])]
