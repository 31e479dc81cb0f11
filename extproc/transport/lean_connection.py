"""One connection of the lean transport: asyncio's bytes ↔ HTTP/2 ↔ calls.

Law: each call is one task, which ends with its stream or before it. What is said within one turn of the loop is written
at once; where nobody reads, it waits in its stream.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, cast

from extproc.transport.http2.connection import Broken, Connection, HeaderList
from extproc.transport.http2.frames import Code
from extproc.transport.lean_call import Call

_LEAVING: Final = b"leaving!"  # a ping whose answer says that the client has seen our GOAWAY
_LAST_WORDS_PATIENCE: Final = 5.0  # seconds for the other side to read what was said last

Serve = Callable[[Call], Coroutine[Any, Any, None]]


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
