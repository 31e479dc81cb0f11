"""One gRPC call of the lean transport: messages in, messages out, last words.

Law: its task reads its messages in order and never overlaps itself. What a call does not take in is not asked for: the
other side may send a window of it ahead, and one message whatever its size.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Final, Protocol

from extproc.transport.grpc_wire import FIRST_WORDS, LAST_WORDS_OK, NO_GRPC, BadMessage, Messages, last_words, message
from extproc.transport.http2.connection import WINDOW, Connection

_HALF: Final = WINDOW // 2
_LARGE: Final = 64 * 1024  # bytes of a message
_AT_ONCE: Final = 16  # messages of one call, before others have their turn


class Carrier(Protocol):
    """The connection that it is on."""

    http2: Connection

    def flush(self) -> None: ...

    def flush_soon(self) -> None: ...


class Call:
    """One gRPC call."""

    def __init__(self, connection: Carrier, stream: int, path: str, metadata: Mapping[str, str]) -> None:
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
