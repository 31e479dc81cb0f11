"""A proxy that tunnels (HTTP CONNECT) and keeps what it was told and all that passed.

Law: names lead where a test says, for behind such a proxy nobody else can look them up; everything it sees on the way
to an upstream is kept, so that a test can show that it sees nothing.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class ConnectProxy:
    places: dict[str, int] = field(default_factory=dict)  # host:port as it is asked for → a port of this machine
    answer: bytes | None = None  # instead of a tunnel; empty: the connection is closed without a word
    greeting: bytes = b""  # more headers of its 200
    hangs: bool = False  # takes connections and never answers
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # request lines with their headers
    passed: bytearray = field(default_factory=bytearray)  # from clients to upstreams, behind the CONNECT
    open: int = 0  # tunnels at this moment
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def lines(self) -> list[str]:
        return [line for line, _ in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        self.asked.append((head[0], headers))
        if self.hangs:
            await reader.read()
            return
        if self.answer is not None:
            writer.write(self.answer)
            await writer.drain()
            return
        method, target, _ = head[0].split(" ")
        port = self.places.get(target)
        if method != "CONNECT" or port is None:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n" + self.greeting + b"\r\n")
        self.open += 1
        try:
            await asyncio.gather(_pass(reader, far_writer, self.passed), _pass(far_reader, writer, None))
        finally:
            self.open -= 1
            far_writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray | None) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65536):
            if kept is not None:
                kept += piece
            writer.write(piece)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


@contextmanager
def proxying(proxy: ConnectProxy | None = None) -> Iterator[ConnectProxy]:
    proxy = proxy or ConnectProxy()
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    proxy.port = int(listener.getsockname()[1])
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=(loop, listener, proxy), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        listener.close()


def _run(loop: asyncio.AbstractEventLoop, listener: socket.socket, proxy: ConnectProxy) -> None:
    asyncio.set_event_loop(loop)
    server = loop.run_until_complete(asyncio.start_server(proxy.serve, sock=listener))
    try:
        loop.run_forever()
    finally:
        server.close()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()
