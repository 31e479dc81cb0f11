"""Serves demo providers: each on a Unix socket of its own, all in one loop.

Law: no TCP port is opened; a socket's name is its provider's, and it is gone when the serving ends.
"""

import asyncio
import contextlib
import socket
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from extproc.demo.app import build_app
from extproc.demo.catalog import Provider
from extproc.demo.connection import DemoProtocol

BACKLOG: Final = 512
LONGEST_PATH: Final = 100  # the kernel takes 108 bytes on Linux and 104 elsewhere


class DemoServer(uvicorn.Server):
    """uvicorn, but signals stay with the process's owner and readiness is an event."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Several servers share a process here; each would take the signals from the one before.
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


def server_for(app: ASGIApp) -> DemoServer:
    """A quiet server for one demo application: `await server.serve(sockets=[bound])`; `should_exit = True` stops it."""
    config = uvicorn.Config(
        app,
        http=DemoProtocol,
        ws="none",
        lifespan="off",
        backlog=BACKLOG,
        log_config=None,  # a demo says nothing: requests may hold prompts and keys
        access_log=False,
        log_level="critical",
        timeout_keep_alive=75,  # longer than Envoy keeps an idle connection in use between two demo requests
        timeout_graceful_shutdown=0,  # whoever stops the demo does not want its streams finished
    )
    return DemoServer(config)


async def serve_on_sockets(
    directory: Path,
    providers: Sequence[Provider],
    *,
    stop: asyncio.Event,
    ready: Callable[[], None] = lambda: None,
    record: bool = False,
) -> None:
    """Listens on `directory/<name>.sock` for each provider until `stop` is set; calls `ready` when all listen."""
    paths = _paths(directory, providers)
    bound: list[socket.socket] = []
    try:
        for path in paths:
            bound.append(_bound(path))
        servers = [server_for(build_app(provider, record=record)) for provider in providers]
        await _run(servers, bound, stop, ready)
    finally:
        for path, _ in zip(paths, bound, strict=False):  # only what was bound here is removed
            path.unlink(missing_ok=True)
        for each in bound:
            each.close()


async def _run(
    servers: list[DemoServer], bound: list[socket.socket], stop: asyncio.Event, ready: Callable[[], None]
) -> None:
    async with asyncio.TaskGroup() as group:
        for server, listener in zip(servers, bound, strict=True):
            group.create_task(server.serve(sockets=[listener]))
        for server in servers:
            await server.listening.wait()
        ready()
        await stop.wait()
        for server in servers:
            server.should_exit = True


def _paths(directory: Path, providers: Sequence[Provider]) -> list[Path]:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [directory / f"{provider.name}.sock" for provider in providers]


def _bound(path: Path) -> socket.socket:
    if len(str(path).encode()) > LONGEST_PATH:
        raise OSError(f"the path of a Unix socket must not exceed {LONGEST_PATH} bytes: {path}")
    # What a killed demo left behind is removed; anything that is no socket is somebody else's.
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
    except OSError:
        listener.close()
        raise
    return listener
