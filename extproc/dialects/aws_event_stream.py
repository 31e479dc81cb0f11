"""AWS event streams (`application/vnd.amazon.eventstream`), read as they come.

Law: any split of the bytes gives the same frames. Both checksums are verified, and the first one before a length is
believed, so no more is ever kept than the largest frame that we take. The first byte that is wrong ends the reading:
`broken` says why, the frames before it have been given, and none comes behind it.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LARGEST_FRAME: Final = 16 * 1024 * 1024
LARGEST_HEADERS: Final = 128 * 1024

# total length, headers' length, checksum of these two; headers; payload; checksum of all before it
_PRELUDE: Final = struct.Struct(">III")
_CHECKSUM: Final = struct.Struct(">I")
_LEAST: Final = _PRELUDE.size + _CHECKSUM.size

HeaderValue = str | bytes | int | bool

_TRUE, _FALSE, _BYTES, _TEXT, _UUID = 0, 1, 6, 7, 9
_NUMBERS: Final[Mapping[int, struct.Struct]] = {
    2: struct.Struct(">b"),
    3: struct.Struct(">h"),
    4: struct.Struct(">i"),
    5: struct.Struct(">q"),
    8: struct.Struct(">q"),  # a time, in milliseconds since the epoch
}
_SIZE: Final = struct.Struct(">H")
_UUID_SIZE: Final = 16


@dataclass(frozen=True, slots=True)
class Frame:
    headers: Mapping[str, HeaderValue]
    payload: bytes

    def text(self, name: str) -> str:
        """A header that is a text; empty where there is none."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


class Decoder:
    """Bytes in, frames out."""

    __slots__ = ("_buffer", "_limit", "broken")

    def __init__(self, limit: int = LARGEST_FRAME) -> None:
        self.broken: str | None = None
        self._buffer = bytearray()
        self._limit = limit

    @property
    def within_frame(self) -> bool:
        """A frame has begun and is not complete."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        frames: list[Frame] = []
        if self.broken is not None:
            return frames
        self._buffer += data
        try:
            while (frame := self._next()) is not None:
                frames.append(frame)
        except _Broken as error:
            self.broken = str(error)
            self._buffer.clear()
        return frames

    def _next(self) -> Frame | None:
        if len(self._buffer) < _PRELUDE.size:
            return None
        total, headers, checksum = _PRELUDE.unpack_from(self._buffer)
        if zlib.crc32(memoryview(self._buffer)[:8]) != checksum:
            raise _Broken("a frame's first checksum is wrong")
        if total < _LEAST + headers or headers > LARGEST_HEADERS:
            raise _Broken("a frame's lengths do not fit each other")
        if total > self._limit:
            raise _Broken(f"a frame is larger than {self._limit} bytes")
        if len(self._buffer) < total:
            return None
        whole = bytes(memoryview(self._buffer)[:total])
        del self._buffer[:total]
        return _read(whole, headers)


class _Broken(ValueError):
    pass


def _read(whole: bytes, headers: int) -> Frame:
    end = len(whole) - _CHECKSUM.size
    if zlib.crc32(memoryview(whole)[:end]) != _CHECKSUM.unpack_from(whole, end)[0]:
        raise _Broken("a frame's last checksum is wrong")
    payload_at = _PRELUDE.size + headers
    try:
        found = _headers(whole[_PRELUDE.size : payload_at])
    except (struct.error, IndexError, UnicodeDecodeError):
        raise _Broken("a frame's headers cannot be read") from None
    return Frame(found, whole[payload_at:end])


def _headers(data: bytes) -> dict[str, HeaderValue]:
    found: dict[str, HeaderValue] = {}
    at = 0
    while at < len(data):
        name, at = _cut(data, at + 1, data[at])
        value, at = _value(data, at + 1, data[at])
        if not name or name.decode() in found:
            raise _Broken("a frame's header has no name, or the name of another")
        found[name.decode()] = value
    return found


def _value(data: bytes, at: int, kind: int) -> tuple[HeaderValue, int]:
    """(the value, where the next header begins)"""
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, at
    if kind in _NUMBERS:
        number = _NUMBERS[kind]
        return number.unpack_from(data, at)[0], at + number.size
    if kind == _UUID:
        return _cut(data, at, _UUID_SIZE)
    if kind not in (_BYTES, _TEXT):
        raise _Broken(f"a frame's header is of the unknown kind {kind}")
    value, end = _cut(data, at + _SIZE.size, _SIZE.unpack_from(data, at)[0])
    return (value.decode() if kind == _TEXT else value), end


def _cut(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    end = at + size
    if end > len(data):
        raise IndexError
    return data[at:end], end
