"""A demo provider on a real socket, in a thread of its own, for tests that speak HTTP.

Law: the context that starts a server also ends it; TCP listens on a free port of 127.0.0.1.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from extproc.demo.app import build_app
from extproc.demo.catalog import Provider
from extproc.demo.sockets import DemoServer, server_for


@contextmanager
def on_tcp(provider: Provider, *, record: bool = True) -> Iterator[str]:
    """Yields the origin, e.g. http://127.0.0.1:41234."""
    listener = socket.create_server(("127.0.0.1", 0))
    with _serving(provider, listener, record):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def on_unix_socket(provider: Provider, path: Path, *, record: bool = True) -> Iterator[Path]:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    with _serving(provider, listener, record):
        yield path


@contextmanager
def _serving(provider: Provider, listener: socket.socket, record: bool) -> Iterator[None]:
    server = server_for(build_app(provider, record=record))
    listening = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(server, listener, listening)), daemon=True)
    thread.start()
    assert listening.wait(5), "the demo provider did not start"
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(5)
        listener.close()
        assert not thread.is_alive(), "the demo provider did not stop"


async def _serve(server: DemoServer, listener: socket.socket, listening: threading.Event) -> None:
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await server.listening.wait()
    listening.set()
    await task
