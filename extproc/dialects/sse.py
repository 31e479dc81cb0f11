"""Server-sent events, read as they come and written again.

Law: the raw bytes of all events, joined, are the bytes that came, at every split of them; so what nobody changes
passes as it came and when it came. An event is complete at the empty line behind it, whatever ends the lines. An event
larger than the limit is not kept: it passes in pieces and nobody reads it.
"""

import re
from dataclasses import dataclass
from typing import Final

LIMIT: Final = 1 << 20

_BOM: Final = b"\xef\xbb\xbf"
_EMPTY_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_LONGEST_END: Final = 4  # \r\n\r\n
_OVERLAP: Final = 3  # the longest part of an empty line's four bytes that can stand at the end of what came


@dataclass(frozen=True, slots=True)
class Event:
    """One event, or a piece of one. `data` is None where there is none or where it is too large to be read."""

    name: str | None
    data: bytes | None
    raw: bytes
    more_of_last: bool = False  # these bytes belong to the event before: whoever dropped it drops them too


class Decoder:
    """Bytes in, events out."""

    __slots__ = ("_at_start", "_buffer", "_limit", "_maybe_newline", "_oversize", "_searched")

    def __init__(self, limit: int = LIMIT) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._limit = limit
        self._at_start = True
        self._maybe_newline = False  # the last event ended in \r: a \n that follows is the rest of that line's end
        self._oversize = False  # the front of an event over the limit has passed already

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        if self._maybe_newline and data:
            self._maybe_newline = False
            if data.startswith(b"\n"):
                events.append(Event(None, None, b"\n", more_of_last=True))
                data = data[1:]
        self._buffer += data
        while (end := self._end_of_event()) is not None:
            self._take(end, events)
        if self._oversize or len(self._buffer) > self._limit + _LONGEST_END:
            self._pass_front(events)
        return events

    def rest(self) -> bytes:
        """What came after the last complete event. The decoder is empty then."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def _end_of_event(self) -> int | None:
        first = _LINE_END.match(self._buffer) if not self._oversize else None
        if first is not None:  # an empty line where no event has begun
            return first.end()
        found = _EMPTY_LINE.search(self._buffer, self._searched)
        if found is None:
            self._searched = max(len(self._buffer) - _OVERLAP, 0)
            return None
        return found.end()

    def _take(self, end: int, events: list[Event]) -> None:
        raw = bytes(memoryview(self._buffer)[:end])
        del self._buffer[:end]
        self._searched = 0
        if self._oversize:
            events.append(Event(None, None, raw, more_of_last=True))
        elif len(raw.rstrip(b"\r\n")) > self._limit:  # without its end, which a split may cut short
            events.append(Event(None, None, raw))
        else:
            events.append(parse(raw.removeprefix(_BOM) if self._at_start else raw, raw))
        self._oversize = False
        self._at_start = False
        self._maybe_newline = raw.endswith(b"\r") and not self._buffer

    def _pass_front(self, events: list[Event]) -> None:
        """All but the last bytes, which may be the beginning of the empty line."""
        cut = len(self._buffer) - _OVERLAP
        if cut > 0:
            events.append(Event(None, None, bytes(memoryview(self._buffer)[:cut]), more_of_last=self._oversize))
            del self._buffer[:cut]
            self._searched = 0
            self._oversize = True
            self._at_start = False


def parse(text: bytes, raw: bytes) -> Event:
    """One event's lines. Comments and fields of no meaning to us are left out of what is read, not of `raw`."""
    name: str | None = None
    data: list[bytes] = []
    for line in text.splitlines():
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return Event(name, b"\n".join(data) if data else None, raw)


def encode(data: bytes, name: str | None = None) -> bytes:
    """An event of our own."""
    head = b"event: " + name.encode() + b"\n" if name is not None else b""
    lines = data.splitlines() or [b""]
    return head + b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"
