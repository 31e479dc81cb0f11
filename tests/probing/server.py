"""A server that answers a GET as a test says, byte for byte or not at all, and keeps what it was asked."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Misbehaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


def page(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    said = {"content-length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"HTTP/1.1 {status} said\r\n{lines}\r\n".encode() + body


@dataclass
class Server:
    pages: dict[str, bytes | Misbehaviour] = field(default_factory=dict)  # by path; others are 404
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    certificates: list[object] = field(default_factory=list)  # what clients showed
    port: int = 0

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            try:
                await self._answer(reader, writer)
            finally:
                writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(4) != b"GET ":  # TLS, perhaps
            writer.write(page(400))
            return
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        path = head[0].partition(" ")[0]
        lines = (line.partition(": ") for line in head[1:] if line)
        self.asked.append((path, {name.lower(): value for name, _, value in lines}))
        self.certificates.append(writer.get_extra_info("peercert"))
        said = self.pages.get(path, page(404))
        if isinstance(said, bytes):
            writer.write(said)
            await writer.drain()
        else:
            await said(writer)


@contextlib.asynccontextmanager
async def serving(
    pages: dict[str, bytes | Misbehaviour], tls: ssl.SSLContext | None = None, at: str | None = None
) -> AsyncIterator[Server]:
    server = Server(dict(pages))
    if at is not None:
        listening = await asyncio.start_unix_server(server.answer, at)
    else:
        listening = await asyncio.start_server(server.answer, "127.0.0.1", 0, ssl=tls)
        server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


# --- what a server should not do -------------------------------------------------------------------------------------


async def hang(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def reset(writer: asyncio.StreamWriter) -> None:
    linger_not = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
    writer.transport.abort()


async def leave(writer: asyncio.StreamWriter) -> None:
    """Without a word."""


async def babble(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x01 not HTTP at all\r\n\r\n")


async def drip_headers(writer: asyncio.StreamWriter) -> None:
    await _drip(writer, b"HTTP/1.1 200 OK\r\n", b"x-slow: loris\r\n")


async def drip_body(writer: asyncio.StreamWriter) -> None:
    await _drip(writer, b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n", b"#")


async def _drip(writer: asyncio.StreamWriter, beginning: bytes, drop: bytes) -> None:
    writer.write(beginning)
    while True:
        writer.write(drop)
        await writer.drain()
        await asyncio.sleep(0.02)


async def never_end(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"llamacpp:requests_deferred 1\n" * 1000)
        await writer.drain()
