"""What a connection says, as fast as the other side's windows allow.

Law: the bytes of one stream keep their order; its trailers go behind its data; a stream that waits for its window holds
up no other.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from extproc.transport.http2 import frames
from extproc.transport.http2.frames import Code

_NO_TABLE: Final = b"\x20"  # HPACK: the table holds nothing from here on


class _Stream:
    __slots__ = ("end", "stop", "waiting", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        self.waiting: deque[memoryview] = deque()
        self.end: bytes | None = None  # trailers that go behind what waits
        self.stop: Code | None = None  # told to a client that has not ended its side


class Sending:
    def __init__(self, writable: Callable[[int], None]) -> None:
        self._writable = writable
        self._words: list[bytes | memoryview] = []
        self._streams: dict[int, _Stream] = {}
        self._window = frames.DEFAULT_WINDOW
        self._first_window = frames.DEFAULT_WINDOW
        self.max_frame = frames.SMALLEST_MAX_FRAME
        self.held = False  # the other side does not read: data waits here, not in words
        self._table_update = b""  # goes before the next header block

    @property
    def streams(self) -> int:
        return len(self._streams)

    @property
    def has_words(self) -> bool:
        return bool(self._words)

    @property
    def unread_words(self) -> int:
        return len(self._words)

    def go_on(self) -> None:
        self.held = False
        self._pump_all()

    def table_shrinks(self) -> None:
        """We use no table, but a reader that made its own smaller waits for the word that we know (RFC 7541, 4.2)."""
        self._table_update = _NO_TABLE

    def take(self) -> bytes:
        words = b"".join(self._words)
        self._words.clear()
        return words

    def write(self, data: bytes) -> None:
        """Whole frames that no window holds up."""
        self._words.append(data)

    def open(self, stream: int) -> None:
        self._streams[stream] = _Stream(self._first_window)

    def forget(self, stream: int) -> bool:
        """Whether it was there."""
        return self._streams.pop(stream, None) is not None

    def headers(self, stream: int, block: bytes) -> None:
        if stream in self._streams:
            self._words.append(frames.frame(frames.HEADERS, frames.END_HEADERS, stream, self._updated(block)))

    def say(self, stream: int, data: bytes) -> bool:
        held = self._streams.get(stream)
        if held is None:
            return True  # nobody listens any more
        held.waiting.append(memoryview(data))
        self._pump(stream, held)
        return not held.waiting

    def end(self, stream: int, block: bytes, stop: Code | None) -> None:
        held = self._streams.get(stream)
        if held is None:
            return
        held.end, held.stop = block, stop
        if not held.waiting:
            self._finish(stream, held)

    def _finish(self, stream: int, held: _Stream) -> None:
        assert held.end is not None
        flags = frames.END_HEADERS | frames.END_STREAM
        self._words.append(frames.frame(frames.HEADERS, flags, stream, self._updated(held.end)))
        if held.stop is not None:
            self._words.append(frames.rst_stream(stream, held.stop))
        del self._streams[stream]

    def _updated(self, block: bytes) -> bytes:
        if not self._table_update:
            return block
        block, self._table_update = self._table_update + block, b""
        return block

    # --- windows -----------------------------------------------------------------------------------------------------

    def more(self, stream: int, size: int) -> bool:
        """A window opens; False: further than any may."""
        if stream == 0:
            self._window += size
            if self._window > frames.LARGEST_WINDOW:
                return False
            self._pump_all()
            return True
        held = self._streams.get(stream)
        if held is None:
            return True
        held.window += size
        if held.window > frames.LARGEST_WINDOW:
            return False
        self._pump_and_tell(stream, held)
        return True

    def first_window(self, size: int) -> bool:
        """What each stream begins with, and how much more or less those have that began."""
        change = size - self._first_window
        self._first_window = size
        for held in self._streams.values():
            held.window += change
            if held.window > frames.LARGEST_WINDOW:
                return False
        self._pump_all()
        return True

    def _pump_all(self) -> None:
        for stream, held in [(stream, held) for stream, held in self._streams.items() if held.waiting]:
            if self._window <= 0 or self.held:
                return
            self._pump_and_tell(stream, held)

    def _pump_and_tell(self, stream: int, held: _Stream) -> None:
        if not held.waiting:
            return
        self._pump(stream, held)
        if held.waiting:
            return
        if held.end is not None:
            self._finish(stream, held)
        else:
            self._writable(stream)

    def _pump(self, stream: int, held: _Stream) -> None:
        waiting = held.waiting
        while waiting and not self.held:
            data = waiting[0]
            size = min(len(data), held.window, self._window, self.max_frame)
            if size <= 0 and len(data):
                return
            held.window -= size
            self._window -= size
            self._words.append(frames.head(size, frames.DATA, 0, stream))
            self._words.append(data[:size])
            if size == len(data):
                waiting.popleft()
            else:
                waiting[0] = data[size:]
