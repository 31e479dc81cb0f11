"""An HTTP server inside somebody else's event loop, on TCP or a Unix socket, without signal handlers of its own."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette


class AddressInUse(Exception):
    """Somebody else listens there, or nobody can; the text is one line for people."""


def listening_socket(address: str) -> socket.socket:
    """`unix:///path` or `host:port`, bound here so that a failure is one clear line and not a server's log."""
    if address.startswith("unix://"):
        path = Path(address.removeprefix("unix://"))
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(str(path))
        except OSError as error:
            listener.close()
            raise AddressInUse(f"cannot listen on {address}: {error.strerror or error}") from None
        os.chmod(path, 0o600)
        return listener
    host, colon, port = address.rpartition(":")
    host = host.strip("[]")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise AddressInUse(f"{address}: neither unix:///path nor host:port")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(f"{address} is in use by another program") from None
        raise AddressInUse(f"cannot listen on {address}: {error.strerror}") from None
    return listener


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the process that runs us."""
        yield


class HttpServer:
    def __init__(self, app: Starlette, address: str) -> None:
        self._address = address
        self._listener = listening_socket(address)
        self._server = _Server(
            uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._listener.close()
        if self._address.startswith("unix://"):
            Path(self._address.removeprefix("unix://")).unlink(missing_ok=True)


def free_or_raise(host: str, port: int, option: str) -> None:
    """Envoy will listen there: say so now, in one line, if somebody else already does."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        why = "is in use by another program" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise AddressInUse(f"{host}:{port} {why}; choose another with {option}") from None
    finally:
        listener.close()


def free_udp_or_raise(host: str, port: int) -> None:
    """HTTP/3 is spoken on the same port's UDP, which another program may have taken by itself."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError as error:
            raise AddressInUse(f"HTTP/3 cannot have UDP port {port} of {host}: {error.strerror}") from None
