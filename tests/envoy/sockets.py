"""A WebSocket server that keeps the handshakes it got and answers each message with itself."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol


@dataclass(frozen=True, slots=True)
class Handshake:
    path: str
    headers: dict[str, str]  # names in lower case


@dataclass(slots=True)
class Sockets:
    port: int
    handshakes: list[Handshake] = field(default_factory=list)
    closed_with: list[tuple[int | None, str | None]] = field(default_factory=list)  # what callers said at the end

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def sockets() -> Iterator[Sockets]:
    """Told `close CODE REASON`, it closes so."""
    seen = Sockets(0)

    def talk(connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        seen.handshakes.append(Handshake(request.path, headers))
        with contextlib.suppress(ConnectionClosed):
            for message in connection:
                if isinstance(message, str) and message.startswith("close "):
                    _, code, reason = message.split(" ", 2)
                    connection.close(int(code), reason)
                else:
                    connection.send(message)
        seen.closed_with.append((connection.close_code, connection.close_reason))

    def realtime(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        return Subprotocol("realtime") if "realtime" in offered else None

    with serve(talk, "127.0.0.1", 0, select_subprotocol=realtime, max_size=None) as server:
        seen.port = int(server.socket.getsockname()[1])
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            server.shutdown()
            thread.join(5)
