"""An HTTP/2 client that sends the frames a test says, in any order and number, and keeps what comes back.

Law: it keeps to no limit of its own accord, so that a test can break each; it never asks a peer to wait for a window.
"""

import asyncio
import contextlib
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
LARGEST_FRAME = 16_384
END_STREAM, ACK, END_HEADERS = 1, 1, 4
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW = 3, 4
REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 7, 8, 11
WIDE = (1 << 31) - 1
OK = 0x88  # how HPACK writes `:status: 200`
_METHODS = {"GET": b"\x82", "POST": b"\x83"}


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _text(text: str) -> bytes:
    """A string literal, not compressed."""
    data = text.encode()
    return (bytes([len(data)]) if len(data) < 127 else b"\x7f" + _rest(len(data) - 127)) + data


def _rest(number: int) -> bytes:
    found = b""
    while number >= 128:
        found += bytes([number % 128 + 128])
        number //= 128
    return found + bytes([number])


def head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    """A block of headers without any compression."""
    block = _METHODS[method] + b"\x86" + b"\x04" + _text(path) + b"\x01" + _text("x")
    return block + b"".join(b"\x00" + _text(name) + _text(value) for name, value in headers.items())


@dataclass(slots=True)
class Http2:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    next_stream: int = 1
    answered: dict[int, bytes] = field(default_factory=dict)  # by stream: the block of the answer's headers
    data: dict[int, int] = field(default_factory=Counter)  # by stream: bytes of its body
    ended: set[int] = field(default_factory=set)
    reset: dict[int, int] = field(default_factory=dict)  # by stream: why
    settings: dict[int, int] = field(default_factory=dict)  # the peer's
    gone_away: int | None = None  # why the peer wants no more of this connection
    pongs: int = 0
    closed: bool = False
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def send(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = b"") -> int:
        """Opens a stream; with None as its body it stays open on our side."""
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        ends = END_STREAM if body == b"" else 0
        block = head(method, path, headers or {})
        pieces = [block[at : at + LARGEST_FRAME] for at in range(0, len(block), LARGEST_FRAME)]
        for place, piece in enumerate(pieces):
            kind, flags = (CONTINUATION, 0) if place else (HEADERS, ends)
            flags |= END_HEADERS if place == len(pieces) - 1 else 0
            self.writer.write(frame(kind, flags, stream, piece))
        if body:
            self.writer.write(frame(DATA, END_STREAM, stream, body))
        return stream

    def cancel(self, stream: int) -> None:
        self.writer.write(frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))

    async def heard(self) -> None:
        """Waits until the peer has read all that was sent, or has ended the connection."""
        expected = self.pongs + 1
        self.writer.write(frame(PING, 0, 0, bytes(8)))
        await self.until(lambda: self.pongs >= expected)

    def is_ok(self, stream: int) -> bool:
        return self.answered.get(stream, b"")[:1] == bytes([OK])

    async def until(self, holds: Callable[[], object], seconds: float = 20.0) -> None:
        """Waits until `holds()` is true, or the connection has ended."""
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: holds() or self.closed), seconds)

    async def read(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                start = await self.reader.readexactly(9)
                payload = await self.reader.readexactly(int.from_bytes(start[:3]))
                self._take(start[3], start[4], int.from_bytes(start[5:]) & WIDE, payload)
                async with self.changed:
                    self.changed.notify_all()
        self.closed = True
        async with self.changed:
            self.changed.notify_all()

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == HEADERS:
            self.answered.setdefault(stream, payload)
        elif kind == DATA:
            self.data[stream] += len(payload)
        elif kind == RST_STREAM:
            self.reset[stream] = int.from_bytes(payload)
        elif kind == GOAWAY:
            self.gone_away = int.from_bytes(payload[4:8])
        elif kind == SETTINGS and not flags & ACK:
            pairs = struct.iter_unpack(">HI", payload)
            self.settings |= dict(pairs)
            self.writer.write(frame(SETTINGS, ACK, 0))
        elif kind == PING and flags & ACK:
            self.pongs += 1
        elif kind == PING:
            self.writer.write(frame(PING, ACK, 0, payload))
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.ended.add(stream)


@contextlib.asynccontextmanager
async def connected(port: int, host: str = "127.0.0.1") -> AsyncIterator[Http2]:
    """A connection whose peer has said its settings."""
    reader, writer = await asyncio.open_connection(host, port)
    settings = struct.pack(">HI", INITIAL_WINDOW, WIDE)
    widened = frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", WIDE - 65_535))
    writer.write(PREFACE + frame(SETTINGS, 0, 0, settings) + widened)
    client = Http2(reader, writer)
    reading = asyncio.create_task(client.read())
    try:
        await client.until(lambda: client.settings)
        yield client
    finally:
        reading.cancel()
        writer.close()
