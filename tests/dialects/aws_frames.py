"""AWS event-stream frames, written: for tests only, since the gateway never sends any."""

import struct
import zlib
from typing import Any

import msgspec

_NUMBERS = {2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q"}


def header(name: str, kind: int, value: Any = None) -> bytes:
    head = bytes([len(name.encode())]) + name.encode() + bytes([kind])
    if kind in (0, 1):
        return head
    if kind in _NUMBERS:
        return head + struct.pack(_NUMBERS[kind], value)
    raw = value.encode() if isinstance(value, str) else value
    return head + (raw if kind == 9 else struct.pack(">H", len(raw)) + raw)


def frame(headers: bytes, payload: bytes = b"") -> bytes:
    lengths = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def texts(**named: str) -> bytes:
    return b"".join(header(":" + name.replace("_", "-"), 7, value) for name, value in named.items())


def event(kind: str, payload: Any) -> bytes:
    headers = texts(event_type=kind, content_type="application/json", message_type="event")
    return frame(headers, msgspec.json.encode(payload))


def exception(kind: str, payload: Any) -> bytes:
    headers = texts(exception_type=kind, content_type="application/json", message_type="exception")
    return frame(headers, msgspec.json.encode(payload))


def error(code: str, message: str) -> bytes:
    return frame(texts(error_code=code, error_message=message, message_type="error"))
