"""Many open streams at a time: an upstream that begins each answer and holds it, and clients that read along.

Law: no task and no thread for each stream, so that what is slow is not the test.
"""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.envoy.demo import body
from tests.envoy.raw import post
from tests.envoy.upstream import LAST_CHUNK, SSE_HEAD, chunk

BEGINNING = chunk(b'data: {"choices":[]}\n\n')
END = chunk(b"data: [DONE]\n\n") + LAST_CHUNK
ASKED = json.dumps(body("m", stream=True)).encode()
REQUEST = post(ASKED)


class _Held(asyncio.Protocol):
    """One connection of the upstream."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._crowd.held.add(self)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, rest = self._got.partition(b"\r\n\r\n")
        if end and len(rest) >= _length(head):
            self._got = b""
            self.write(SSE_HEAD + BEGINNING)

    def write(self, data: bytes) -> None:
        assert isinstance(self.transport, asyncio.WriteTransport)
        self.transport.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        self._crowd.held.discard(self)


def _length(head: bytes) -> int:
    lines = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(lines[0].partition(b":")[2]) if lines else 0


@dataclass(slots=True)
class Crowd:
    loop: asyncio.AbstractEventLoop
    origin: str = ""
    held: set[_Held] = field(default_factory=set)

    def say(self, data: bytes) -> None:
        """To everybody who waits."""
        self.loop.call_soon_threadsafe(lambda: [one.write(data) for one in tuple(self.held)])


@contextmanager
def holding() -> Iterator[Crowd]:
    loop = asyncio.new_event_loop()
    crowd = Crowd(loop)
    server = loop.run_until_complete(loop.create_server(lambda: _Held(crowd), "127.0.0.1", 0, backlog=4096))
    crowd.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield crowd
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        server.close()
        for one in tuple(crowd.held):
            one.transport.close()
        with contextlib.suppress(RuntimeError):
            loop.run_until_complete(asyncio.sleep(0))
        loop.close()


class _Listener(asyncio.Protocol):
    """One HTTP/1.1 client that asks for a stream and counts what comes."""

    def __init__(self, listeners: "Listeners") -> None:
        self._listeners = listeners
        self._began = False
        self._ended = False
        self._last = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._listeners.transports.append(transport)
        transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        if not self._began and b"data: " in data:
            self._began = True
            self._listeners.began += 1
        self._last = (self._last + data)[-len(LAST_CHUNK) :]
        if self._last == LAST_CHUNK and not self._ended:
            self._ended = True
            self._listeners.ended += 1

    def connection_lost(self, _: Exception | None) -> None:
        self._listeners.lost += 0 if self._ended else 1


@dataclass(slots=True)
class Listeners:
    began: int = 0
    ended: int = 0
    lost: int = 0
    transports: list[asyncio.WriteTransport] = field(default_factory=list)

    async def join(self, port: int, number: int) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(
            *(loop.create_connection(lambda: _Listener(self), "127.0.0.1", port) for _ in range(number))
        )

    def leave(self) -> None:
        for transport in self.transports:
            transport.abort()
