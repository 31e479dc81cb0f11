"""One connection of the lean transport: asyncio's bytes ↔ HTTP/2 ↔ calls.

Law: each call is one task that reads its messages in order; it never overlaps itself. What a call does not take in is
not asked for: the other side may send a window of it ahead, and one message whatever its size. What is said within one
turn of the loop is written at once.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, cast

from extproc.transport.grpc_wire import FIRST_WORDS, LAST_WORDS_OK, NO_GRPC, BadMessage, Messages, last_words, message
from extproc.transport.http2.connection import WINDOW, Broken, Connection, HeaderList
from extproc.transport.http2.frames import Code

_LEAVING: Final = b"leaving!"  # a ping whose answer says that the client has seen our GOAWAY
_HALF: Final = WINDOW // 2
_LARGE: Final = 64 * 1024  # bytes of a message
_AT_ONCE: Final = 16  # messages of one call, before others have their turn
_LAST_WORDS_PATIENCE: Final = 5.0  # seconds for the other side to read what was said last

Serve = Callable[["Call"], Coroutine[Any, Any, None]]


class Call:
    """One gRPC call."""

    def __init__(self, connection: "LeanConnection", stream: int, path: str, metadata: Mapping[str, str]) -> None:
        self.path = path
        self.metadata = metadata
        self.task: asyncio.Task[None] | None = None
        self._connection = connection
        self._stream = stream
        self._parts = Messages()
        self._messages: deque[bytes] = deque()
        self._held = 0  # bytes of messages that wait to be read
        self._unread = 0  # bytes that came and were not asked for again
        self._over = False
        self._bad: BadMessage | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._at_once = 0
        self._begun = False
        self._blocked = False
        self.ended = False

    async def read(self) -> bytes | None:
        """The next message; None: there are no more. Raises BadMessage."""
        if self._at_once >= _AT_ONCE:
            self._at_once = 0
            await asyncio.sleep(0)
        while not self._messages:
            if self._bad is not None:
                raise self._bad
            if self._over:
                return None
            await self._wait()
        data = self._messages.popleft()
        self._at_once += 1
        self._held -= len(data) + 5
        self._ask_for_more()
        return data

    async def say(self, data: bytes) -> None:
        """Says one message, and returns when it has gone out as far as the other side's windows go."""
        connection = self._connection
        if not self._begun:
            self._begun = True
            connection.http2.headers(self._stream, FIRST_WORDS)
        self._blocked = not connection.http2.say(self._stream, message(data))
        if len(data) < _LARGE:
            connection.flush_soon()
        else:
            connection.flush()  # so that the next one waits where nobody reads
        while self._blocked:
            await self._wait()

    def end(self, status: int, why: str = "") -> None:
        words = last_words(status, why) if status or why else LAST_WORDS_OK
        self._end_with(words if self._begun else FIRST_WORDS + words)

    def refuse_other_protocols(self) -> None:
        self._end_with(NO_GRPC)

    def _end_with(self, words: bytes) -> None:
        if not self.ended:
            self.ended = True
            self._connection.http2.end(self._stream, words)
            self._connection.flush_soon()

    # --- what the connection tells -----------------------------------------------------------------------------------

    def take(self, data: bytes, *, over: bool) -> None:
        self._unread += len(data)
        try:
            whole = self._parts.feed(data) if self._bad is None else []
        except BadMessage as bad:
            self._bad, whole = bad, bad.before
        for one in whole:
            self._messages.append(one)
            self._held += len(one) + 5
        self._over = self._over or over
        self._ask_for_more()
        self._wake()

    def writable(self) -> None:
        self._blocked = False
        self._wake()

    def _ask_for_more(self) -> None:
        free = self._unread - self._held
        if free >= _HALF and self._bad is None and not self._over:
            self._unread -= free
            self._connection.http2.read(self._stream, free)
            self._connection.flush_soon()

    async def _wait(self) -> None:
        self._at_once = 0
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class LeanConnection(asyncio.Protocol):
    def __init__(self, serve: Serve, gone: Callable[["LeanConnection"], None]) -> None:
        self._serve = serve
        self._gone = gone
        self._calls: dict[int, Call] = {}
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._flushing = False
        self._closing = False
        self._paused = False
        self.http2 = Connection(self)

    # --- asyncio's ---------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self.flush()

    def data_received(self, data: bytes) -> None:
        try:
            self.http2.receive(data)
        except Broken:
            self._break_off()
            return
        if self.http2.has_words:
            self.flush_soon()

    def eof_received(self) -> bool:
        return False  # close

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._cancel_calls()
        self._gone(self)

    def pause_writing(self) -> None:
        self._paused = True
        self.http2.hold()

    def resume_writing(self) -> None:
        self._paused = False
        self.http2.go_on()
        self.flush_soon()

    def flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        self._flushing = False
        if self._paused or self._transport is None or self._transport.is_closing():
            return
        if words := self.http2.take():
            self._transport.write(words)
        if self._closing and not self._calls:
            self.close()

    def close(self) -> None:
        """What was said still goes out, to a reader who is not too slow."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            self._loop.call_later(_LAST_WORDS_PATIENCE, self._abort)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _break_off(self) -> None:
        self.flush()
        self._cancel_calls()
        self.close()

    def _cancel_calls(self) -> None:
        for call in list(self._calls.values()):
            if call.task is not None:
                call.task.cancel()

    # --- HTTP/2's ----------------------------------------------------------------------------------------------------

    def request(self, stream: int, headers: HeaderList, *, over: bool) -> None:
        path, metadata, is_grpc = _told(headers)
        call = Call(self, stream, path, metadata)
        if not is_grpc:
            call.refuse_other_protocols()
            return
        self._calls[stream] = call
        if over:
            call.take(b"", over=True)
        call.task = task = self._loop.create_task(self._serve(call))
        task.add_done_callback(lambda _: self._done(stream))

    def data(self, stream: int, data: bytes, *, over: bool) -> None:
        call = self._calls.get(stream)
        if call is not None:
            call.take(data, over=over)

    def reset(self, stream: int) -> None:
        call = self._calls.get(stream)
        if call is not None and call.task is not None:
            call.ended = True
            call.task.cancel()

    def writable(self, stream: int) -> None:
        call = self._calls.get(stream)
        if call is not None:
            call.writable()

    def ponged(self, payload: bytes) -> None:
        if payload == _LEAVING:
            self._leave()

    def _done(self, stream: int) -> None:
        call = self._calls.pop(stream, None)
        if call is not None and not call.ended:
            self.http2.reset(stream, Code.CANCEL)  # its task was cancelled by us
        if self.http2.has_words or self._closing:
            self.flush_soon()

    # --- the end -----------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Say that no new streams are wanted, and close when the last one has ended. A client that is just opening one
        gets an answer to it: only when it has seen our first word, new ones are left alone."""
        self.http2.warn_of_leaving()
        self.http2.ping(_LEAVING)
        self.flush()

    def _leave(self) -> None:
        self.http2.leave()
        self._closing = True
        self.flush_soon()

    def tasks(self) -> list["asyncio.Task[None]"]:
        return [call.task for call in self._calls.values() if call.task is not None]

    def cancel(self) -> list["asyncio.Task[None]"]:
        """Give up what is still open."""
        self._leave()
        tasks = self.tasks()
        for task in tasks:
            task.cancel()
        return tasks


@lru_cache(maxsize=256)
def _told(headers: HeaderList) -> tuple[str, Mapping[str, str], bool]:
    """Path, metadata, and whether it is gRPC at all. Envoy's streams differ little."""
    path = content_type = ""
    metadata: dict[str, str] = {}
    for name, value in headers:
        if name[:1] == b":":
            if name == b":path":
                path = value.decode("latin-1")
        elif name == b"content-type":
            content_type = value.decode("latin-1")
        elif not name.endswith(b"-bin"):
            metadata[name.decode("latin-1")] = value.decode("latin-1")
    return path, MappingProxyType(metadata), content_type.startswith("application/grpc")
