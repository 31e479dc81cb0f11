"""Envoy as a matcher and nothing else: many tables at once, each with the edge and the matches of the real one.

Law: listener and table are those that the data plane renders; only what happens behind a match is taken away: each
route answers with its own name. So thousands of requests can be asked in some seconds.
"""

import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from extproc.dataplane.form import named, pipe
from extproc.dataplane.listener import listeners
from extproc.dataplane.place import Place
from extproc.dataplane.route_table import route_table
from extproc.snapshot import Snapshot
from tests.dataplane.envoy import binary, place_in

TOOK = b"x-took"
REFUSED = "refused"  # Envoy takes no such request


class Matcher:
    """One table, asked over a connection that is kept."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: socket.socket | None = None

    def took(self, request: bytes) -> str:
        """The name of the route, or REFUSED. The request is sent as it is."""
        for _ in range(2):
            try:
                return self._took(request)
            except (ConnectionError, BrokenPipeError):  # closed behind an earlier answer
                self.close()
        return REFUSED

    def _took(self, request: bytes) -> str:
        if self._connection is None:
            self._connection = _connected(self._path)
        self._connection.sendall(request)
        head = b""
        while b"\r\n\r\n" not in head:
            piece = self._connection.recv(65536)
            if not piece:
                raise ConnectionResetError
            head += piece
        lines = head.partition(b"\r\n\r\n")[0].split(b"\r\n")
        if b"connection: close" in lines or not lines[0].startswith(b"HTTP/1.1 204"):
            self.close()
        name = next((line.partition(b": ")[2] for line in lines if line.startswith(TOOK + b":")), None)
        return REFUSED if name is None else name.decode()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def matching(snapshots: Sequence[Snapshot]) -> Iterator[list[Matcher]]:
    with tempfile.TemporaryDirectory(prefix="mt") as directory:
        place = place_in(Path(directory))
        paths = [f"{directory}/{number}.sock" for number in range(len(snapshots))]
        asked = [_only_matching(made, place, path) for path, made in zip(paths, snapshots, strict=True)]
        file = Path(directory) / "bootstrap.json"
        file.write_text(json.dumps({"static_resources": {"listeners": asked}, **_runtime()}))
        output = (Path(directory) / "envoy.log").open("w+")
        command = [binary(), "-c", str(file), "--use-dynamic-base-id", "--concurrency", "1", "-l", "error"]
        process = subprocess.Popen(command, stdout=output, stderr=output)
        matchers = [Matcher(path) for path in paths]
        try:
            _wait(paths, process, output.name)
            yield matchers
        finally:
            for matcher in matchers:
                matcher.close()
            process.kill()
            process.wait(10)
            output.close()


def _only_matching(snapshot: Snapshot, place: Place, path: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(listeners(snapshot, place)[0]))
    made["name"] = path
    made["address"] = pipe(path)  # so many ports would soon be somebody else's too
    manager = made["filter_chains"][0]["filters"][0]["typed_config"]
    for gone in ("rds", "access_log", "access_log_options", "local_reply_config"):
        del manager[gone]
    manager["http_filters"] = [named("envoy.filters.http.router", "filters.http.router.v3.Router")]
    table = route_table(snapshot)
    hosts = [{**host, "routes": [_told(route) for route in host["routes"]]} for host in table["virtual_hosts"]]
    manager["route_config"] = {"name": "routes", "virtual_hosts": hosts}
    return made


def _told(route: dict[str, Any]) -> dict[str, Any]:
    return {
        "match": route["match"],
        "direct_response": {"status": 204},
        "response_headers_to_add": [{"header": {"key": TOOK.decode(), "value": route["name"].replace("%", "%%")}}],
    }


def _runtime() -> dict[str, Any]:
    size = "re2.max_program_size"
    layer = {f"{size}.error_level": 20_000, f"{size}.warn_level": 20_000}
    return {"layered_runtime": {"layers": [{"name": "here", "static_layer": layer}]}}


def _connected(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


def _wait(paths: Sequence[str], process: "subprocess.Popen[bytes]", output: str) -> None:
    deadline = time.monotonic() + 30
    for path in paths:
        while True:
            try:
                _connected(path).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"Envoy does not listen: {Path(output).read_text()[-3000:]}") from None
                time.sleep(0.02)
