"""One processor as a child process: started, asked, told of new snapshots, ended.

Law: it never starts anew by itself; its slot sees to that. What it cannot be asked any more is no failure.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import httpx

from extproc.dataplane.children import Child, start_child
from extproc.stores.last_metrics import take_last_metrics

_log = logging.getLogger("extproc")
ANSWER_PATIENCE: Final = 1.0  # seconds: whoever asks whether we are ready waits about as long
START_PATIENCE: Final = 20.0
LOOK: Final = 2.0  # seconds between looks at a living one
SILENT: Final = 5  # looks in a row without an answer: it hangs, and is ended so that another can start
SCRAPE: Final = 5  # each so many looks what it has counted is written down, for when it is killed


class ProcessorFailed(Exception):
    """The processor does not start or does not take a snapshot; the text is one line for people."""


class Worker:
    def __init__(self, command: Sequence[str], admin: Path, siblings: Path, grace: float) -> None:
        """`admin`: the socket of its own pages, which the command names too. `grace`: how long it may take to end."""
        self._command = list(command)
        self._admin = admin
        self._siblings = siblings
        self._grace = grace
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(admin), verify=False), base_url="http://processor", timeout=10.0
        )
        self._child: Child | None = None
        self._counted = ""
        self._closed = False

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.running else None

    async def launch(self) -> None:
        """Starts it and does not wait."""
        self._child = await start_child("processor", self._command)

    async def start(self, patience: float = START_PATIENCE) -> None:
        """Starts it and waits until it answers."""
        await self.launch()
        assert self._child is not None
        deadline = asyncio.get_running_loop().time() + patience
        while not await self.answers():
            if not self._child.running:
                raise ProcessorFailed("the processor ended while starting; what it said stands above")
            if asyncio.get_running_loop().time() > deadline:
                raise ProcessorFailed(f"the processor did not answer within {patience:.0f} s")
            await asyncio.sleep(0.03)

    async def until_it_ends(self) -> None:
        """Waits for its end, and brings it about when it has stopped answering."""
        assert self._child is not None
        child, silent, looks = self._child, 0, 0
        while child.running:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(child.process.wait()), LOOK)
                return
            silent, looks = 0 if await self.answers() else silent + 1, looks + 1
            if looks % SCRAPE == 0:
                await self.metrics()
            if silent >= SILENT:
                _log.error("the processor (pid %d) does not answer any more: it is started anew", child.pid)
                child.process.kill()
                await child.process.wait()

    async def stop(self) -> None:
        """Lets its open exchanges end, as long as its grace says."""
        if self._child is not None:
            await self._child.stop(self._grace + 2.0)

    async def close(self) -> str:
        """Of one that has ended: all that it has counted, as far as anybody knows."""
        self._closed = True
        if self._child is not None:
            self._counted = take_last_metrics(self._siblings, self._child.pid) or self._counted
        self._admin.unlink(missing_ok=True)
        await self._http.aclose()
        return self._counted

    # --- asking and telling ------------------------------------------------------------------------------------------

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        if self._closed:
            raise httpx.ConnectError("it has ended")
        return await self._http.request(method, path, **more)

    async def answers(self) -> bool:
        try:
            return (await self._ask("GET", "/readyz", timeout=ANSWER_PATIENCE)).status_code == 200
        except httpx.HTTPError:
            return False

    async def metrics(self) -> str:
        """As they are now; the latest that is known of one that does not answer."""
        with contextlib.suppress(httpx.HTTPError):
            told = (await self._ask("GET", "/metrics")).text
            if not self._closed:  # else what it left behind is later
                self._counted = told
        return self._counted

    async def page(self, path: str) -> dict[str, Any] | None:
        """One of its own pages; None: it does not answer."""
        try:
            told = (await self._ask("GET", path)).json()
        except (httpx.HTTPError, ValueError):
            return None
        return told if isinstance(told, dict) else None

    async def ready(self) -> dict[str, Any] | None:
        """What it says of itself at once, or None."""
        try:
            told = (await self._ask("GET", "/readyz", timeout=ANSWER_PATIENCE)).json()
        except (httpx.HTTPError, ValueError):
            return None
        return told if isinstance(told, dict) else None

    async def swap(self, snapshot: bytes, snapshot_id: str) -> None:
        """Hands it a new snapshot. A dead one is no failure: it starts with the new one from the file."""
        try:
            answer = await self._ask("POST", "/control/snapshot", content=snapshot)
        except httpx.HTTPError:
            return
        if answer.status_code != 200 or answer.json().get("snapshot") != snapshot_id:
            raise ProcessorFailed(f"the processor did not take snapshot {snapshot_id}: {answer.text[:200]}")

    async def rejected(self) -> None:
        """A reload was refused: it counts that."""
        with contextlib.suppress(httpx.HTTPError):
            await self._ask("POST", "/control/rejected")
