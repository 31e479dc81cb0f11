"""JSON lines, cut as they come.

Law: any split of the bytes gives the same lines. Empty lines are left out. A line over the limit is not kept: it is
told once, as TOO_LARGE, and nothing is read behind it.
"""

from typing import Final

LIMIT: Final = 16 << 20


class TooLarge:
    """Stands for what was not kept."""

    __slots__ = ()


TOO_LARGE: Final = TooLarge()


class Decoder:
    """Bytes in, lines out, without their ends."""

    __slots__ = ("_buffer", "_limit", "_overflown", "_searched")

    def __init__(self, limit: int = LIMIT) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._limit = limit
        self._overflown = False

    def feed(self, data: bytes) -> list[bytes | TooLarge]:
        if self._overflown:
            return []
        self._buffer += data
        lines: list[bytes | TooLarge] = []
        start = 0
        while not self._overflown and (end := self._buffer.find(b"\n", max(start, self._searched))) >= 0:
            self._add(start, end, lines)
            start = end + 1
        if start:
            del self._buffer[:start]
        self._searched = len(self._buffer)
        if not self._overflown and len(self._buffer) > self._limit + 1:  # a \r may be the beginning of its end
            self._overflow(lines)
        return lines

    def rest(self) -> list[bytes | TooLarge]:
        """The last line, if nothing ended it. The decoder is empty then."""
        lines: list[bytes | TooLarge] = []
        if not self._overflown:
            self._add(0, len(self._buffer), lines)
        self._buffer.clear()
        self._searched = 0
        return lines

    def _add(self, start: int, end: int, lines: list[bytes | TooLarge]) -> None:
        line = bytes(memoryview(self._buffer)[start:end]).removesuffix(b"\r")
        if len(line) > self._limit:
            self._overflow(lines)
        elif line.strip():
            lines.append(line)

    def _overflow(self, lines: list[bytes | TooLarge]) -> None:
        self._overflown = True
        lines.append(TOO_LARGE)
