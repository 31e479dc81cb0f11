"""A client that sends exactly these bytes and shows exactly what comes back."""

import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    head: bytes
    rest: bytes


def exchange(port: int, sent: bytes, seconds: float = 5.0, source: str | None = None) -> Answer:
    """One request; what follows the first answer's head is `rest`. Status 0: the connection ended without an answer."""
    got = b""
    own = None if source is None else (source, 0)
    with socket.create_connection(("127.0.0.1", port), timeout=seconds, source_address=own) as connection:
        connection.sendall(sent)
        try:
            while (part := connection.recv(65536)) and len(got) < 1 << 20:
                got += part
                if _is_complete(got):
                    break
        except (TimeoutError, ConnectionResetError):
            pass
    head, _, rest = got.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    return Answer(int(words[1]) if len(words) > 1 else 0, head, rest)


def _is_complete(got: bytes) -> bool:
    head, end, rest = got.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(rest) >= int(line.partition(b":")[2])
        if line.startswith(b"transfer-encoding:"):
            return rest.endswith(b"0\r\n\r\n")
    return False


def post(content: bytes, *headers: bytes, path: bytes = b"/v1/chat/completions", framed: bool = True) -> bytes:
    length = [b"content-length: %d" % len(content)] if framed else []
    lines = [b"POST %b HTTP/1.1" % path, b"host: x", b"content-type: application/json", *length, *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + content
