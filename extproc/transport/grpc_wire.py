"""gRPC over HTTP/2, the few bytes of it: message prefixes, first and last words.

Law: what is sent is packed once and for all, and without HPACK's table, so that it means the same on every connection.
"""

import struct
from typing import Final

from extproc.transport.methods import MESSAGE_LIMIT

OK: Final = 0
NOT_FOUND: Final = 5
RESOURCE_EXHAUSTED: Final = 8
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
UNAVAILABLE: Final = 14

_PREFIX: Final = struct.Struct(">BI")
_PRINTABLE: Final = frozenset(range(0x20, 0x7F)) - {0x25}


class BadMessage(Exception):
    """The stream holds no gRPC messages, or one that is not taken."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.before: list[bytes] = []  # messages that came whole in front of it


def _literal(name: bytes, value: bytes) -> bytes:
    """A header, neither looked up nor remembered nor shortened."""
    assert len(name) < 127 and len(value) < 127
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


_STATUS_200: Final = b"\x88"  # HPACK's own table has it
FIRST_WORDS: Final = _STATUS_200 + _literal(b"content-type", b"application/grpc")
NO_GRPC: Final = _literal(b":status", b"415")


def last_words(status: int, why: str = "") -> bytes:
    return _literal(b"grpc-status", b"%d" % status) + (_literal(b"grpc-message", _percent(why)) if why else b"")


LAST_WORDS_OK: Final = last_words(OK)


def _percent(text: str) -> bytes:
    said = "".join(chr(byte) if byte in _PRINTABLE else f"%{byte:02X}" for byte in text.encode())
    return said[:120].encode()


def message(data: bytes) -> bytes:
    return _PREFIX.pack(0, len(data)) + data


class Messages:
    """Bytes of one stream → its messages, in whatever pieces the bytes come."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole now. Raises BadMessage."""
        rest = self._rest
        if not rest and len(data) >= 5:
            size = self._prefix(data)
            if len(data) == 5 + size:
                return [data[5:]]  # what happens almost always
        rest += data
        found: list[bytes] = []
        at = 0
        while len(rest) - at >= 5:
            try:
                size = self._prefix(rest, at)
            except BadMessage as bad:
                bad.before = found
                raise
            if len(rest) - at - 5 < size:
                break
            found.append(bytes(memoryview(rest)[at + 5 : at + 5 + size]))
            at += 5 + size
        if at:
            del rest[:at]
        return found

    @staticmethod
    def _prefix(data: bytes | bytearray, at: int = 0) -> int:
        packed, size = _PREFIX.unpack_from(data, at)
        if packed:
            raise BadMessage(UNIMPLEMENTED, "packed messages are not understood")
        if size > MESSAGE_LIMIT:
            raise BadMessage(RESOURCE_EXHAUSTED, f"a message is larger than {MESSAGE_LIMIT} bytes")
        return int(size)
