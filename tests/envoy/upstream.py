"""An upstream that does on a TCP connection exactly what a test says, byte for byte.

Law: it reads requests and keeps them; the answer, its pauses and its faults are the script's, an async function.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Script = Callable[["Asked", asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Asked:
    method: str
    path: str
    raw_headers: list[tuple[str, str]]
    body: bytes
    client_left: bool = False

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.raw_headers)


@dataclass(slots=True)
class Upstream:
    origin: str
    asked: list[Asked] = field(default_factory=list)
    garbled: list[bytes] = field(default_factory=list)  # what was no request
    script: Script | None = None

    @property
    def port(self) -> int:
        return int(self.origin.rpartition(":")[2])


@contextmanager
def scripted(script: Script) -> Iterator[Upstream]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    upstream = Upstream(f"http://127.0.0.1:{listener.getsockname()[1]}", script=script)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=(loop, listener, upstream), daemon=True)
    thread.start()
    try:
        yield upstream
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        listener.close()
        assert not thread.is_alive(), "the scripted upstream did not stop"


def _run(loop: asyncio.AbstractEventLoop, listener: socket.socket, upstream: Upstream) -> None:
    asyncio.set_event_loop(loop)
    server = loop.run_until_complete(asyncio.start_server(lambda r, w: _serve(r, w, upstream), sock=listener))
    try:
        loop.run_forever()
    finally:
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: Upstream) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        while (asked := await _read(reader, upstream)) is not None:
            upstream.asked.append(asked)
            assert upstream.script is not None
            await _played(upstream.script, asked, reader, writer)
            if writer.is_closing():
                break
    with contextlib.suppress(RuntimeError):  # the loop may be gone
        writer.close()


async def _played(script: Script, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Plays the script, and notices when the peer leaves meanwhile: it sends nothing more until it is answered."""
    play = asyncio.ensure_future(script(asked, writer))
    leaving = asyncio.ensure_future(_until_gone(reader))
    try:
        await asyncio.wait({play, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not play.done():
            asked.client_left = True
        elif play.exception() is not None:
            asked.client_left = True
            writer.close()
    finally:
        play.cancel()
        leaving.cancel()


async def _until_gone(reader: asyncio.StreamReader) -> None:
    while not reader.at_eof() and reader.exception() is None:
        await asyncio.sleep(0.02)


async def _read(reader: asyncio.StreamReader, upstream: Upstream) -> Asked | None:
    head = await reader.readuntil(b"\r\n\r\n")
    line, *fields = head[:-4].decode("latin-1").split("\r\n")
    words = line.split(" ")
    if len(words) != 3:
        upstream.garbled.append(head)
        return None
    headers = [(name.lower(), value.strip()) for name, _, value in (each.partition(":") for each in fields)]
    known = dict(headers)
    if "chunked" in known.get("transfer-encoding", ""):
        body = await _chunks(reader)
    else:
        body = await reader.readexactly(int(known.get("content-length", "0")))
    return Asked(words[0], words[1], headers, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


# --- pieces of scripts -----------------------------------------------------------------------------------------------


def whole(body: bytes, status: int = 200, content_type: str = "application/json", *more: tuple[str, str]) -> bytes:
    head = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", f"content-length: {len(body)}"]
    head += [f"{name}: {value}" for name, value in more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


SSE_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def reset(writer: asyncio.StreamWriter) -> None:
    """The connection ends by RST."""
    under = writer.get_extra_info("socket")
    under.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def always(answer: bytes) -> Script:
    async def script(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return script


async def silence(_: Asked, __: asyncio.StreamWriter) -> None:
    """Never an answer."""
    await asyncio.Event().wait()


async def hang_up(_: Asked, writer: asyncio.StreamWriter) -> None:
    """A reset before any header."""
    reset(writer)
