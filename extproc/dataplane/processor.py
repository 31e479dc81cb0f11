"""The processor as a child process: started with a snapshot, told of new ones, started again when it dies."""

import asyncio
import contextlib
import logging
import sys
from pathlib import Path

import httpx

from extproc.dataplane.children import Child, start_child

_log = logging.getLogger("extproc")
_FIRST_PAUSE = 0.05  # seconds before a dead processor is started again
_LONGEST_PAUSE = 5.0
_LOOK = 2.0  # seconds between looks at a living one
_SILENT = 5  # looks in a row without an answer: it hangs, and is ended so that another can start
_STEADY = 10.0  # a processor that lived this long was no crash loop
_ANSWER_PATIENCE = 1.0  # whoever asks whether we are ready waits about as long


class ProcessorFailed(Exception):
    """The processor does not start or does not take a snapshot; the text is one line for people."""


class Processor:
    """One processor, kept alive. `snapshot_file` always holds what a new one starts with, and `keys` its secrets."""

    def __init__(self, socket: Path, admin: Path, snapshot_file: Path, keys: Path, grace: float) -> None:
        self._command = [
            sys.executable,
            "-m",
            "extproc",
            "serve",
            "--listen",
            f"unix://{socket}",
            "--admin",
            f"unix://{admin}",
            "--snapshot",
            str(snapshot_file),
            "--keys",
            str(keys),
            "--with-parent",
            "--drain",
            f"{grace:g}s",
            "--linger",  # Envoy has gone already
            "0s",
        ]
        self._grace = grace
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(admin), verify=False), base_url="http://processor", timeout=10.0
        )
        self._child: Child | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.running else None

    async def start(self, patience: float = 20.0) -> None:
        self._child = await start_child("processor", self._command)
        deadline = asyncio.get_running_loop().time() + patience
        while not await self.answers():
            if not self._child.running:
                raise ProcessorFailed("the processor ended while starting; what it said stands above")
            if asyncio.get_running_loop().time() > deadline:
                raise ProcessorFailed(f"the processor did not answer within {patience:.0f} s")
            await asyncio.sleep(0.03)
        self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        """Starts it again whenever it ends, at once after a long life, ever slower in a crash loop."""
        pause = _FIRST_PAUSE
        loop = asyncio.get_running_loop()
        born = loop.time()
        while self._child is not None:
            await self._until_it_ends(self._child)
            if loop.time() - born > _STEADY:
                pause = _FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            born = loop.time()
            self._child = await start_child("processor", self._command)

    async def _until_it_ends(self, child: Child) -> None:
        """Waits for its end, and brings it about when it has stopped answering."""
        silent = 0
        while child.running:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(child.process.wait()), _LOOK)
                return
            silent = 0 if await self.answers() else silent + 1
            if silent >= _SILENT:
                _log.error("the processor (pid %d) does not answer any more: it is started anew", child.pid)
                child.process.kill()
                await child.process.wait()

    async def answers(self) -> bool:
        try:
            return (await self._http.get("/readyz", timeout=_ANSWER_PATIENCE)).status_code == 200
        except httpx.HTTPError:
            return False

    async def swap(self, snapshot: bytes, snapshot_id: str) -> None:
        """Hands it a new snapshot. A dead one is no failure: it starts with the new one from the file."""
        try:
            answer = await self._http.post("/control/snapshot", content=snapshot)
        except httpx.HTTPError:
            return
        if answer.status_code != 200 or answer.json().get("snapshot") != snapshot_id:
            raise ProcessorFailed(f"the processor did not take snapshot {snapshot_id}: {answer.text[:200]}")

    async def rejected(self) -> None:
        """A reload was refused: it counts that."""
        with contextlib.suppress(httpx.HTTPError):
            await self._http.post("/control/rejected")

    async def metrics(self) -> str:
        try:
            return (await self._http.get("/metrics")).text
        except httpx.HTTPError:
            return ""

    async def page(self, path: str) -> dict[str, object] | None:
        """One of its own pages; None: it does not answer."""
        try:
            told = (await self._http.get(path)).json()
        except (httpx.HTTPError, ValueError):
            return None
        return told if isinstance(told, dict) else None

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._child is not None:
            await self._child.stop(self._grace + 2.0)
        await self._http.aclose()
