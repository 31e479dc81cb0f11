"""The lean server and neighbours that behave oddly, by raw bytes: who reads nothing, who says too much, who says
nothing that is HTTP/2."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from hpack import Encoder

from extproc.transport import lean_connection
from extproc.transport.http2 import frames
from extproc.transport.http2.frames import Code
from extproc.transport.lean_server import LeanServer
from extproc.transport.methods import PROCESS

PATIENCE = 30.0
OPENING = frames.PREFACE + frames.settings({frames.SETTING_INITIAL_WINDOW: frames.LARGEST_WINDOW})
WIDE = frames.window_update(0, frames.LARGEST_WINDOW - frames.DEFAULT_WINDOW)
BLOCK = bytes(Encoder().encode([(b":path", PROCESS.encode()), (b"content-type", b"application/grpc")]))
LARGE = 8 * 1024 * 1024


def opened(stream: int) -> bytes:
    return frames.frame(frames.HEADERS, frames.END_HEADERS, stream, BLOCK)


def message(stream: int, text: bytes = b"a") -> bytes:
    return frames.frame(frames.DATA, 0, stream, b"\0" + len(text).to_bytes(4, "big") + text)


class Seen:
    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.ends = 0
        self.go = asyncio.Event()

    def stream(self, metadata: Mapping[str, str]) -> "Stream":
        return Stream(self)

    def log(self) -> None: ...


class Stream:
    """«large» is answered by much, «wait» when it is time."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    async def receive(self, data: bytes) -> tuple[bytes | None, bool]:
        self._seen.received.append(data)
        if data == b"wait":
            await self._seen.go.wait()
        return (b"x" * LARGE if data == b"large" else None), False

    def closed(self) -> None:
        self._seen.ends += 1


@pytest.fixture
async def seen() -> Seen:
    return Seen()


@pytest.fixture
async def server(seen: Seen, directory: Path) -> AsyncIterator[LeanServer]:
    made = LeanServer([f"unix://{directory}/s"], seen.stream, seen.log)  # type: ignore[arg-type]
    await made.start()
    yield made
    await made.drain(0)


@pytest.fixture
async def peer(server: LeanServer, directory: Path) -> AsyncIterator[socket.socket]:
    made = socket.socket(socket.AF_UNIX)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, f"{directory}/s")
    await say(made, OPENING)
    yield made
    made.close()


async def say(peer: socket.socket, words: bytes) -> None:
    await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(peer, words), PATIENCE)


async def hear_all(peer: socket.socket) -> bytes:
    """Until the other side has closed."""
    words = bytearray()
    while more := await asyncio.wait_for(asyncio.get_running_loop().sock_recv(peer, 1 << 20), PATIENCE):
        words += more
    return bytes(words)


async def until(condition) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


def only(server: LeanServer) -> lean_connection.LeanConnection:
    (connection,) = server._connections
    return connection


async def test_what_a_neighbour_does_not_read_is_not_piled_up(server, seen, peer):
    await say(peer, WIDE + opened(1) + message(1, b"large") * 20)
    await until(lambda: seen.received)
    await asyncio.sleep(0.2)
    assert len(seen.received) <= 2  # the second answer waits, so nothing more is taken in
    await say(peer, b"".join(opened(stream) + message(stream, b"large") for stream in (3, 5, 7)))
    await until(lambda: len(seen.received) >= 5)
    connection = only(server)
    assert connection._transport.get_write_buffer_size() <= 2 * LARGE
    heard = 0
    while heard < 23 * LARGE:
        heard += len(await asyncio.wait_for(asyncio.get_running_loop().sock_recv(peer, 1 << 20), PATIENCE))


async def test_who_asks_for_ever_and_reads_nothing_is_cut_off(server, seen, peer, monkeypatch):
    monkeypatch.setattr(lean_connection, "_LAST_WORDS_PATIENCE", 0.1)
    await say(peer, opened(1) + message(1))
    await until(lambda: server.open_streams == 1)
    ping = frames.frame(frames.PING, 0, 0, b"12345678") * 10_000
    with pytest.raises((ConnectionError, BrokenPipeError)):
        while True:
            await say(peer, ping)
    await until(lambda: not server._connections)
    assert seen.ends == 1


async def test_a_call_that_says_much_at_once_gives_others_their_turn(server, seen, peer):
    await say(peer, opened(1) + opened(3) + message(1, b"wait") + message(3, b"wait"))
    await until(lambda: len(seen.received) == 2)
    await say(peer, message(1) * 1000 + message(3, b"b"))
    await until(lambda: len(only(server)._calls[3]._messages) == 1)
    seen.go.set()
    await until(lambda: len(seen.received) == 1003)
    assert seen.received.index(b"b") < 100


async def test_what_a_slow_call_does_not_take_in_is_not_asked_for(server, seen, peer):
    await say(peer, opened(1) + message(1, b"wait"))
    part = message(1, b"y" * 100_000)
    for _ in range(10):
        await say(peer, part)
    await until(lambda: len(only(server)._calls[1]._messages) == 10)
    assert only(server).http2._open[1] < 100_000
    seen.go.set()
    await until(lambda: len(seen.received) == 11)
    assert only(server).http2._open[1] > 500_000


async def test_streams_that_are_opened_and_given_up_leave_nothing(server, seen, peer):
    for first in range(1, 40_000, 1000):
        numbers = range(first + 1 - first % 2, first + 1000, 2)
        await say(peer, b"".join(opened(one) + message(one) + frames.rst_stream(one, Code.CANCEL) for one in numbers))
    await until(lambda: only(server).http2._highest > 39_990)
    connection = only(server)
    await until(lambda: not connection._calls)
    assert (len(connection.http2._open), connection.http2._sending.streams, server.open_streams) == (0, 0, 0)


async def test_what_came_before_a_message_that_is_not_taken_is_heard(server, seen, peer):
    words = b"".join(b"\0\0\0\0\1" + one for one in (b"a", b"b")) + b"\1\0\0\0\1c"
    await say(peer, opened(1) + frames.frame(frames.DATA, 0, 1, words))
    await until(lambda: seen.ends == 1)
    assert seen.received == [b"a", b"b"]


@pytest.mark.parametrize("words", [b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"\0" * 50])
async def test_other_protocols_are_told_so_and_closed(words, server, directory):
    made = socket.socket(socket.AF_UNIX)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, f"{directory}/s")
    await say(made, words)
    assert b"this is no HTTP/2" in await hear_all(made)
    await until(lambda: not server._connections)
    made.close()


async def test_a_neighbour_that_never_answers_is_gone_after_the_grace(server, seen, peer):
    await say(peer, opened(1) + message(1))
    await until(lambda: seen.received)
    await asyncio.wait_for(server.drain(0.05), PATIENCE)
    assert seen.ends == 1
    assert (server.open_streams, server._connections) == (0, set())
    heard = await hear_all(peer)
    assert frames.goaway(1, Code.NO_ERROR) in heard
    assert frames.rst_stream(1, Code.CANCEL) in heard


async def test_who_connects_while_listening_stops_is_asked_to_leave_too(server, seen, peer):
    await say(peer, opened(1) + message(1))
    await until(lambda: seen.received)
    draining = asyncio.ensure_future(server.drain(PATIENCE))
    await asyncio.sleep(0)
    late = server._connection()  # asyncio has accepted it before
    assert frames.goaway(frames.LARGEST_WINDOW, Code.NO_ERROR) in late.http2.take()
    server._connections.discard(late)
    await say(peer, frames.rst_stream(1, Code.CANCEL))
    await asyncio.wait_for(draining, PATIENCE)


async def test_a_drain_waits_for_the_last_words_of_a_call_whose_connection_was_lost(server, seen, peer):
    await say(peer, opened(1) + message(1, b"wait"))
    await until(lambda: seen.received)
    only(server)._transport.abort()
    await until(lambda: not server._connections)
    await server.drain(0)
    assert (seen.ends, server.open_streams) == (1, 0)
