"""`extproc serve --workers N`: one process that keeps N workers, for an Envoy that somebody else runs.

Law: the keeper serves no stream. It starts the workers, keeps them, renews them at SIGHUP, adds up what they say on one
admin port, and ends when told; each worker is `extproc serve` with an address of its own and the same settings.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extproc.api.gateway import gateway_app
from extproc.api.listening import AddressInUse, HttpServer
from extproc.app.hangup import on_hangup, renewing
from extproc.app.worker_command import worker_command
from extproc.dataplane.run_directory import RunDirectory, new_run_directory
from extproc.dataplane.start import CannotStart
from extproc.dataplane.worker import ProcessorFailed
from extproc.dataplane.worker_addresses import BadAddresses, worker_addresses
from extproc.dataplane.workers import Workers
from extproc.observe.logs import set_up_logs
from extproc.transport.listen import ListenError, SocketFile, check_port, unix_path

_log = logging.getLogger("extproc")


@dataclass(frozen=True, slots=True)
class KeeperSettings:
    workers: int
    listen: tuple[str, ...]
    admin: str | None
    drain: float
    passed: tuple[str, ...]  # what else was asked for, and is asked of each worker
    linger: float = 0.0  # how long each goes on after it was told to end; it is passed on with the rest


async def run_keeper(settings: KeeperSettings) -> None:
    """Raises CannotStart; returns when it was asked to end and the workers are gone."""
    set_up_logs(sys.stderr)
    try:
        addresses = worker_addresses(settings.listen, settings.workers)
        for address in (one for of_worker in addresses for one in of_worker):
            _check(address)
        run = new_run_directory()
        try:
            async with contextlib.AsyncExitStack() as stack:
                await _keep(settings, addresses, run, stack)
        finally:
            run.remove()
    except (BadAddresses, ListenError, AddressInUse, ProcessorFailed) as error:
        raise CannotStart(str(error)) from None


def _check(address: str) -> None:
    """Workers take over from each other; from others they do not, and we look for them."""
    path = unix_path(address)
    if path is None:
        check_port(address)
    else:
        SocketFile(path).check()


async def _keep(
    settings: KeeperSettings, addresses: Sequence[Sequence[str]], run: RunDirectory, stack: contextlib.AsyncExitStack
) -> None:
    ending, asked = asyncio.Event(), asyncio.Event()
    for told in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(told, ending.set)
    on_hangup(asked.set, ending.set)
    workers = _workers(settings, addresses, run)
    admin = HttpServer(gateway_app(_Told(workers)), settings.admin) if settings.admin is not None else None
    stack.push_async_callback(workers.stop)
    await workers.start()
    for number, of_worker in enumerate(addresses):
        _log.info("worker %d listens on %s", number, " and ".join(of_worker))
    if admin is not None:
        await admin.start()
        stack.push_async_callback(admin.stop)
    calm = asyncio.Lock()
    await stack.enter_async_context(renewing(asked, lambda: workers.replace_each(calm)))
    await ending.wait()


def _workers(settings: KeeperSettings, addresses: Sequence[Sequence[str]], run: RunDirectory) -> Workers:
    def command(number: int, admin: Path) -> list[str]:
        return worker_command(addresses[number], admin, run.siblings, settings.drain, settings.passed)

    return Workers(len(addresses), command, run.processor_admin, run.siblings, settings.drain + settings.linger)


class _Told:
    """What the admin port is told of all workers. Answers to api.gateway.Gateway."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def ready(self) -> dict[str, object]:
        told: dict[str, Any] = await self._workers.ready() or {}
        return {
            "status": told.get("status", "not ready"),
            "config": told.get("config"),
            "processors": [{"pid": pid} for pid in self._workers.pids],
            "keeper": {"pid": os.getpid()},
            "envoys": told.get("envoys", []),
        }

    async def metrics(self) -> str:
        return await self._workers.metrics()

    async def page(self, path: str) -> dict[str, object] | None:
        return await self._workers.page(path)
