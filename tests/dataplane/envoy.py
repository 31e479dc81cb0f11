"""A real Envoy for tests: rendered, written to files, validated or run. What is started here is ended here."""

import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace as replace_field
from pathlib import Path
from typing import TypeVar

import pytest

from extproc.dataplane.ca import find_ca_bundle
from extproc.dataplane.downstream_tls import LISTENER_AUTHORITIES, LISTENER_CERTIFICATE
from extproc.dataplane.egress import proxies
from extproc.dataplane.feed import discovery
from extproc.dataplane.place import Place
from extproc.dataplane.render import Rendered, aws_keys_file, render, sds, whole
from extproc.dataplane.upstream_tls import ca_secret, client_secret
from extproc.snapshot import Provider, Service, Snapshot
from extproc.stores.private_files import replace

T = TypeVar("T")
PROXY_CREDENTIAL = "Basic dXM6c2VjcmV0"


def binary() -> str:
    beside = Path(sys.executable).with_name("envoy")
    found = str(beside) if beside.is_file() else shutil.which("envoy")
    if found is None:
        pytest.skip("no envoy beside the interpreter or on PATH")
    return found


def place_in(directory: Path) -> Place:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return Place(
        host="127.0.0.1",
        port=port,
        admin=f"{directory}/admin.sock",
        processors=(f"{directory}/p0.sock",),
        xds=str(directory),
        secrets=str(directory),
        ca_bundle=find_ca_bundle(),
        access_log=f"{directory}/access.log",
    )


def written(snapshot: Snapshot, place: Place, secret: str = "sk-of-a-test") -> Rendered:
    rendered = render(snapshot, place)
    files = ((place.lds, rendered.listeners), (place.rds, rendered.routes), (place.cds, rendered.clusters))
    for path, resources in files:
        Path(path).write_text(discovery(snapshot.id, list(resources)))
    for provider in snapshot.providers.values():
        Path(place.secret(provider.cluster)).write_text(json.dumps(sds(secret)))
        Path(place.aws_keys(provider.cluster)).write_text(aws_keys_file("AKIDEXAMPLE", secret, None))
    write_listener_certificates(snapshot, place)
    for proxy in proxies(snapshot):
        Path(place.secret(proxy.cluster)).write_text(json.dumps(sds(PROXY_CREDENTIAL)))
    for upstream in (*snapshot.providers.values(), *snapshot.services.values()):
        write_certificates(upstream, place)
    return rendered


def write_certificates(upstream: Provider | Service, place: Place) -> None:
    """What its files hold now, in Envoy's files, as a reload does it."""
    tls = upstream.tls
    if tls.client_certificate and tls.client_key:
        pair = client_secret(Path(tls.client_certificate).read_text(), Path(tls.client_key).read_text())
        replace(Path(place.client_certificate(upstream.cluster)), json.dumps(pair))
    if tls.ca:
        replace(Path(place.authorities(upstream.cluster)), json.dumps(ca_secret(Path(tls.ca).read_text())))


def write_listener_certificates(snapshot: Snapshot, place: Place) -> None:
    """The same for what clients are shown and must show."""
    tls = snapshot.listen.tls
    if tls is not None:
        pair = client_secret(Path(tls.certificate).read_text(), Path(tls.key).read_text(), LISTENER_CERTIFICATE)
        replace(Path(place.listener_certificate), json.dumps(pair))
        if tls.client_ca is not None:
            trusted = ca_secret(Path(tls.client_ca).read_text(), LISTENER_AUTHORITIES)
            replace(Path(place.listener_authorities), json.dumps(trusted))


def complaints(snapshot: Snapshot, directory: Path) -> str:
    """What `envoy --mode validate` has to say against this snapshot's rendering; empty: nothing, not even a warning."""
    place = place_in(directory)
    path = directory / "whole.json"
    path.write_text(json.dumps(whole(written(snapshot, place))))
    ran = subprocess.run(
        [binary(), "--mode", "validate", "-c", str(path), "--reject-unknown-dynamic-fields", "-l", "warning"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return "" if ran.returncode == 0 and not ran.stderr.strip() else ran.stderr or f"exit {ran.returncode}"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["error"]["code"])


@dataclass(frozen=True, slots=True)
class Running:
    place: Place

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.place.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def logged(self, path: str) -> list[dict[str, object]]:
        """The lines of the access log about a path, once there is one: Envoy writes them a moment later."""
        return eventually(lambda: [line for line in self.log() if line["path"] == path])

    def log(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in Path(self.place.access_log or "").read_text().splitlines()]


def eventually(look: Callable[[], T], within: float = 5.0) -> T:
    """What `look` sees as soon as it is something; what it saw last, when the time is over."""
    deadline = time.monotonic() + within
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return seen


@contextmanager
def running(snapshot: Snapshot, processors: tuple[str, ...] = ()) -> Iterator[Running]:
    """`processors`: where they are, if not beside it."""
    with tempfile.TemporaryDirectory(prefix="dp") as directory:  # short: a Unix socket's path has 108 bytes at most
        place = place_in(Path(directory))
        place = replace_field(place, processors=processors or place.processors)
        bootstrap = Path(directory) / "bootstrap.json"
        bootstrap.write_text(json.dumps(written(snapshot, place).bootstrap))
        output = (Path(directory) / "envoy.log").open("w+")
        command = [binary(), "-c", str(bootstrap), "--reject-unknown-dynamic-fields", "--use-dynamic-base-id"]
        process = subprocess.Popen(
            [
                *command,
                "--concurrency",
                "1",
                "-l",
                "warning",
                "--drain-time-s",
                "1",
                "--file-flush-interval-msec",
                "20",
            ],
            stdout=output,
            stderr=output,
        )
        try:
            _wait_until_listening(place, process, output.name)
            yield Running(place)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
            output.close()


def _wait_until_listening(place: Place, process: "subprocess.Popen[bytes]", output: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection((place.host, place.port), 0.2).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"Envoy does not listen: {Path(output).read_text()[-4000:]}")
