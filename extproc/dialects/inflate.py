"""Compressed bytes → the bytes, piece by piece.

Law: bounded: an answer that grows beyond the limit, and one that is no such stream, are the same error. `deflate` is
taken in both meanings that servers give it: with zlib's frame, and without.
"""

import zlib
from typing import Final

LIMIT: Final = 64 * 1024 * 1024
_ZLIB_OR_GZIP: Final = 32 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS


class Uninflatable(ValueError):
    """The bytes are not of this encoding, or hold more than anybody means to send."""


def inflates(encoding: str) -> bool:
    return encoding in ("gzip", "x-gzip", "deflate")


class Inflate:
    def __init__(self, encoding: str, limit: int = LIMIT) -> None:
        self._raw_too = encoding == "deflate"
        self._limit = limit
        self._made = 0
        self._object = zlib.decompressobj(_ZLIB_OR_GZIP)
        self._head = b""  # of what may turn out to be raw

    def feed(self, data: bytes) -> bytes:
        """Raises Uninflatable."""
        try:
            made = self._object.decompress(data, self._limit - self._made + 1)
            self._raw_too = self._raw_too and not made and len(self._head) < 2
            self._head += data[:2] if self._raw_too else b""
        except zlib.error:
            if not self._raw_too:
                raise Uninflatable("the compressed answer is broken") from None
            made = self._as_raw(data)
        self._made += len(made)
        if self._made > self._limit:
            raise Uninflatable(f"the compressed answer holds more than {self._limit} bytes")
        return made

    def _as_raw(self, data: bytes) -> bytes:
        self._raw_too = False
        self._object = zlib.decompressobj(_RAW)
        try:
            return self._object.decompress(self._head + data, self._limit + 1)
        except zlib.error:
            raise Uninflatable("the compressed answer is broken") from None
