"""An upstream that answers as a test says, byte for byte, and keeps what it was asked."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from extproc.snapshot import Endpoint


@dataclass(slots=True)
class Upstream:
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    body: bytes = b"{}"
    chunks: tuple[bytes, ...] | None = None  # instead of a body: sent chunked, with a pause behind each
    pause: float = 0.0
    cut: bool = False  # break off where the last chunk would stand
    hang: float = 0.0  # before the answer
    first_pause: float = 0.0  # behind the headers
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    raw: list[list[tuple[str, str]]] = field(default_factory=list)  # their headers line by line
    shown: list[str] = field(default_factory=list)  # the names on the client certificates of those who asked
    port: int = 0

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("http", "127.0.0.1", self.port)


def _handler(upstream: Upstream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self._body()
            headers = {name.lower(): value for name, value in self.headers.items()}
            upstream.raw.append([(name.lower(), value) for name, value in self.headers.items()])
            upstream.asked.append((self.command, self.path, headers, body))
            if isinstance(self.connection, ssl.SSLSocket) and (shown := self.connection.getpeercert()):
                upstream.shown.append(dict(one[0] for one in shown["subject"])["commonName"])  # type: ignore[misc,arg-type]
            time.sleep(upstream.hang)
            self.send_response_only(upstream.status)
            for name, value in upstream.headers.items():
                self.send_header(name, value)
            if upstream.chunks is None:
                self.send_header("content-length", str(len(upstream.body)))
                self.end_headers()
                self.wfile.write(upstream.body)
            else:
                self._chunks(upstream.chunks)

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("transfer-encoding", ""):
                return self.rfile.read(int(self.headers.get("content-length", 0)))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _chunks(self, chunks: tuple[bytes, ...]) -> None:
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            time.sleep(upstream.first_pause)
            for chunk in chunks:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.flush()
                time.sleep(upstream.pause)
            if upstream.cut:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            else:
                self.wfile.write(b"0\r\n\r\n")

        do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A peer that left is no news."""


@contextmanager
def answering(*upstreams: Upstream, tls: ssl.SSLContext | None = None) -> Iterator[None]:
    servers = [_Server(("127.0.0.1", 0), _handler(upstream)) for upstream in upstreams]
    for server in servers if tls else ():
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    try:
        for upstream, server in zip(upstreams, servers, strict=True):
            upstream.port = server.server_address[1]
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


class Doors:
    """Upstreams that come and go, each at its own port."""

    def __init__(self) -> None:
        self._servers: dict[int, _Server] = {}

    def open(self, upstream: Upstream) -> None:
        server = _Server(("127.0.0.1", upstream.port), _handler(upstream))
        upstream.port = server.server_address[1]
        self._servers[id(upstream)] = server
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def shut(self, upstream: Upstream) -> None:
        server = self._servers.pop(id(upstream))
        server.shutdown()
        server.server_close()

    def shut_all(self) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()


@contextmanager
def opened(*upstreams: Upstream) -> Iterator[Doors]:
    doors = Doors()
    try:
        for upstream in upstreams:
            doors.open(upstream)
        yield doors
    finally:
        doors.shut_all()
