"""Compressed bytes → the bytes, piece by piece.

Law: bounded: an answer that grows beyond the limit, and one that is no such stream, are the same error. `deflate` is
taken in both meanings that servers give it: with zlib's frame, and without. Answers are asked for uncompressed, so
these are of servers that do not listen; Envoy's own decompressors are not used, because they cut a broken answer short
without a word.
"""

import zlib
from typing import Final

import brotli

LIMIT: Final = 64 * 1024 * 1024
_ZLIB_OR_GZIP: Final = 32 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS


class Uninflatable(ValueError):
    """The bytes are not of this encoding, or hold more than anybody means to send."""


def inflates(encoding: str) -> bool:
    return encoding in ("gzip", "x-gzip", "deflate", "br")


def plain(body: bytes, encoding: str, limit: int) -> bytes:
    """A body that is only looked at; empty where it cannot be read."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    try:
        return Inflate(encoding, limit).feed(body) if inflates(encoding) else b""
    except Uninflatable:
        return b""


class Inflate:
    def __init__(self, encoding: str, limit: int = LIMIT) -> None:
        self._stream = _Brotli() if encoding == "br" else _Zlib(raw_too=encoding == "deflate")
        self._limit = limit
        self._made = 0

    def feed(self, data: bytes) -> bytes:
        """Raises Uninflatable."""
        made = self._stream.feed(data, self._limit - self._made + 1)
        self._made += len(made)
        if self._made > self._limit:
            raise Uninflatable(f"the compressed answer holds more than {self._limit} bytes")
        return made


class _Zlib:
    def __init__(self, *, raw_too: bool) -> None:
        self._raw_too = raw_too
        self._object = zlib.decompressobj(_ZLIB_OR_GZIP)
        self._head = b""  # of what may turn out to be raw

    def feed(self, data: bytes, most: int) -> bytes:
        try:
            made = self._object.decompress(data, most)
            while self._object.unused_data and len(made) < most:  # gzip may come in members
                rest = self._object.unused_data
                self._object = zlib.decompressobj(_ZLIB_OR_GZIP)
                made += self._object.decompress(rest, most - len(made))
            self._raw_too = self._raw_too and not made and len(self._head) < 2
            self._head += data[:2] if self._raw_too else b""
        except zlib.error:
            if not self._raw_too:
                raise Uninflatable("the compressed answer is broken") from None
            made = self._as_raw(data, most)
        return made

    def _as_raw(self, data: bytes, most: int) -> bytes:
        self._raw_too = False
        self._object = zlib.decompressobj(_RAW)
        try:
            return self._object.decompress(self._head + data, most)
        except zlib.error:
            raise Uninflatable("the compressed answer is broken") from None


class _Brotli:
    def __init__(self) -> None:
        self._object = brotli.Decompressor()

    def feed(self, data: bytes, most: int) -> bytes:
        try:
            return bytes(self._object.process(data, output_buffer_limit=most))
        except brotli.error:
            raise Uninflatable("the compressed answer is broken") from None
