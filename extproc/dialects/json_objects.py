"""JSON objects one behind the other, in an array or not, cut out as they come.

Law: any split of the bytes gives the same objects. Between objects only what an array holds there is allowed; of
anything else the first byte is told, of an object over the limit TOO_LARGE, and nothing is read behind it.
"""

import re
from typing import Final

from extproc.dialects.ndjson import LIMIT, TOO_LARGE, TooLarge

_BRACE_OR_QUOTE: Final = re.compile(rb'["{}]')
_QUOTE_OR_ESCAPE: Final = re.compile(rb'["\\]')
_BETWEEN: Final = re.compile(rb"[\s,\[\]\x1e]*")


class Decoder:
    """Bytes in, objects out."""

    __slots__ = ("_buffer", "_closed", "_depth", "_in_text", "_limit", "_searched")

    def __init__(self, limit: int = LIMIT) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._searched = 0
        self._depth = 0
        self._in_text = False
        self._closed = False

    def feed(self, data: bytes) -> list[bytes | TooLarge]:
        found: list[bytes | TooLarge] = []
        if self._closed:
            return found
        self._buffer += data
        while not self._closed and self._between(found) and (end := self._end()) is not None:
            self._take(end, found)
        if not self._closed and len(self._buffer) > self._limit:
            self._close(TOO_LARGE, found)
        return found

    def rest(self) -> list[bytes | TooLarge]:
        """What is left of an object that has no end."""
        rest, self._closed = bytes(self._buffer), True
        return [rest] if rest else []

    def _between(self, found: list[bytes | TooLarge]) -> bool:
        """Whether an object has begun; what stands before it is dropped."""
        if self._depth:
            return True
        match = _BETWEEN.match(self._buffer)
        if match is not None and match.end():
            del self._buffer[: match.end()]
        if not self._buffer:
            return False
        if self._buffer[:1] != b"{":
            self._close(bytes(self._buffer[:1]), found)
            return False
        self._searched = 0
        return True

    def _end(self) -> int | None:
        """Where the object that has begun ends."""
        while True:
            match = (_QUOTE_OR_ESCAPE if self._in_text else _BRACE_OR_QUOTE).search(self._buffer, self._searched)
            if match is None:
                self._searched = max(self._searched, len(self._buffer))
                return None
            mark, self._searched = match[0], match.end()
            if mark == b"\\":
                self._searched += 1  # what is escaped, come already or not
            elif mark == b'"':
                self._in_text = not self._in_text
            else:
                self._depth += 1 if mark == b"{" else -1
                if self._depth == 0:
                    return match.end()

    def _take(self, end: int, found: list[bytes | TooLarge]) -> None:
        if end > self._limit:
            self._close(TOO_LARGE, found)
            return
        found.append(bytes(memoryview(self._buffer)[:end]))
        del self._buffer[:end]

    def _close(self, last: bytes | TooLarge, found: list[bytes | TooLarge]) -> None:
        found.append(last)
        self._buffer.clear()
        self._closed = True
