"""A worker's place: its addresses, and whichever process serves them now.

Law: the place is never given up while we run. Who dies is followed, at once after a long life, ever slower in a crash
loop. Who is replaced goes only when the next one answers: that one takes the addresses over, so no request finds
nobody; then the old one says good-bye to Envoy and lets its open exchanges end.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from extproc.dataplane.worker import Worker

FIRST_PAUSE: Final = 0.05  # seconds before a dead worker is followed
LONGEST_PAUSE: Final = 5.0
STEADY: Final = 10.0  # a worker that lived this long was no crash loop


class Slot:
    def __init__(self, make: Callable[[], Worker], counted: Callable[[str], None]) -> None:
        """`make`: the next worker for this place. `counted` hears the last metrics of each that has ended."""
        self._make = make
        self._counted = counted
        self._keeper: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self.worker = make()
        self._leaving: list[Worker] = []

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The one that serves, and those that still drain."""
        return (self.worker, *self._leaving)

    async def start(self) -> None:
        """Raises ProcessorFailed."""
        await self.worker.start()
        self._keep()

    async def replace(self, calm: asyncio.Lock) -> None:
        """Another worker in its stead; returns when the old one is gone. Raises ProcessorFailed, and all is as it was.

        Called by one at a time. `calm`: held until the new one is the one that is told of snapshots.
        """
        async with calm:
            new = await self._started()
            async with self._changing:
                await self._let_be()
                old, self.worker = self.worker, new
                self._leaving.append(old)
                self._keep()
        try:
            await old.stop()
        finally:
            counted = await old.close()
            self._leaving.remove(old)  # from now on it is among those that are gone: at no moment in both or in none
            self._counted(counted)

    async def _started(self) -> Worker:
        new = self._make()
        try:
            await new.start()
        except BaseException:
            await new.stop()
            await new.close()
            raise
        return new

    async def stop(self) -> None:
        async with self._changing:
            await self._let_be()
        await self.worker.stop()
        await self.worker.close()

    def _keep(self) -> None:
        self._keeper = asyncio.create_task(self._follow())

    async def _let_be(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper

    async def _follow(self) -> None:
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while True:
            born = loop.time()
            await self.worker.until_it_ends()
            if loop.time() - born > STEADY:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            async with self._changing:
                counted = await self.worker.close()
                self._counted(counted)
                self.worker = self._make()
                await self.worker.launch()
