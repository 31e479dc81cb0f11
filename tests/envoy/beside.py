"""`extproc serve` as an operator runs it: processes of their own, and an Envoy that is somebody else's.

Law: the Envoy is started here from files that were rendered; the processors know nothing of it but what it says. What
is started here is ended here.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from extproc.app.rendering import configured_at
from extproc.config.load import load_document
from extproc.dataplane.ca import find_ca_bundle
from extproc.dataplane.feed import discovery
from extproc.dataplane.place import Place, ProcessorTls
from extproc.dataplane.processor_cluster import tls_files
from tests.dataplane.envoy import binary
from tests.envoy.demo import CHAT, body
from tests.envoy.gateway import Lines, environment, free_port
from tests.envoy.processes import eventually

START = 40.0  # seconds, on a slow machine
CALLER = "gw-key-of-a-test"
Config = Mapping[str, Any]


def write(file: Path, config: Config) -> None:
    """In one step, as an editor saves."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps(config))  # JSON is YAML
    new.replace(file)


class Processor:
    """One `extproc serve`."""

    def __init__(self, directory: Path, file: Path, *arguments: str) -> None:
        self.admin = f"http://127.0.0.1:{(admin := free_port())}"
        self.out, self.err = Lines(), Lines()
        command = [sys.executable, "-m", "extproc", "serve", "-c", str(file), "--admin", f"127.0.0.1:{admin}"]
        self.process = subprocess.Popen(
            [*command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environment(),
            cwd=directory,
        )
        assert self.process.stdout is not None and self.process.stderr is not None
        self.out.follow(self.process.stdout)
        self.err.follow(self.process.stderr)

    def readyz(self) -> dict[str, Any]:
        try:
            answer = httpx.get(f"{self.admin}/readyz", timeout=5, trust_env=False)
        except httpx.HTTPError:
            return {"status": "absent"}
        return {**answer.json(), "code": answer.status_code}

    def until(self, status: str = "ready") -> "Processor":
        def reached() -> bool:
            assert self.process.poll() is None or status == "absent", self.err.text()
            return bool(self.readyz()["status"] == status)

        eventually(reached, f"a processor that is {status}; it says {self.readyz()} {self.err.text()}", START)
        return self

    def metric(self, name: str, *labels: str) -> float:
        text = httpx.get(f"{self.admin}/metrics", timeout=5, trust_env=False).raise_for_status().text
        found = [line for line in text.splitlines() if line.startswith(name) and all(label in line for label in labels)]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    def decided(self) -> int:
        """Exchanges that were planned here."""
        return int(self.metric("extproc_decision_seconds_count"))

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def stop(self, patience: float = 30.0) -> int:
        if self.process.poll() is None:
            self.terminate()
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@dataclass
class Beside:
    """A directory with a configuration, an Envoy's files, and whoever was started."""

    directory: Path
    place: Place
    processors: list[Processor] = field(default_factory=list)
    envoys: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.directory / "extproc.yaml"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.place.port}"

    def edit(self, config: Config) -> None:
        write(self.file, config)

    def processor(self, *arguments: str) -> Processor:
        self.processors.append(Processor(self.directory, self.file, *arguments))
        return self.processors[-1]

    def render(self, config: Config, processors: tuple[str, ...], tls: ProcessorTls | None = None) -> None:
        """All that Envoy needs, as files."""
        place = replace(self.place, processors=processors, processor_tls=tls)
        loaded = load_document(config, "test")
        assert loaded.compiled is not None, loaded.problems
        made = configured_at(loaded.compiled, place, None, open_to_strangers=False)
        written = {path: json.dumps(node) for path, node in tls_files(place).items()}
        written |= dict(made.secrets)
        for path, resources in ((place.lds, made.listeners), (place.cds, made.clusters), (place.rds, made.routes)):
            written[path] = discovery(made.snapshot.id, resources)
        for path, text in written.items():
            Path(path).write_text(text)
        (self.directory / "bootstrap.json").write_text(json.dumps(made.bootstrap))

    def envoy(self, bootstrap: Path | None = None) -> None:
        command = [binary(), "-c", str(bootstrap or self.directory / "bootstrap.json"), "--use-dynamic-base-id"]
        command += ["--reject-unknown-dynamic-fields", "--concurrency", "2", "-l", "warning", "--drain-time-s", "1"]
        said = (self.directory / "envoy.log").open("w")
        self.envoys.append(subprocess.Popen(command, stdout=said, stderr=said))

    def ask(self, model: str = "m", **headers: str) -> httpx.Response:
        said = {"authorization": f"Bearer {CALLER}"} | {name.replace("_", "-"): text for name, text in headers.items()}
        return httpx.post(self.url + CHAT, json=body(model), headers=said, trust_env=False, timeout=20)

    def until_answered(self, model: str = "m") -> None:
        def answered() -> bool:
            try:
                return self.ask(model).status_code == 200
            except httpx.HTTPError:
                return False

        eventually(answered, f"an answer; Envoy said {(self.directory / 'envoy.log').read_text()[-2000:]}", START)


@contextlib.contextmanager
def beside(config: Config) -> Iterator[Beside]:
    directory = Path(tempfile.mkdtemp(prefix="bs-"))  # short: a socket's path has 107 bytes
    (directory / "s").mkdir(mode=0o700)
    place = Place(
        host="127.0.0.1",
        port=free_port(),
        admin=f"{directory}/admin.sock",
        processors=(),
        xds=str(directory),
        secrets=f"{directory}/s",
        ca_bundle=find_ca_bundle(),
        access_log="off",
    )
    made = Beside(directory, place)
    made.edit(config)
    try:
        yield made
    finally:
        for envoy in made.envoys:
            envoy.terminate()
        for processor in made.processors:
            with contextlib.suppress(ProcessLookupError):
                os.kill(processor.process.pid, signal.SIGKILL) if processor.process.poll() is None else None
            processor.process.wait(10)
        for envoy in made.envoys:
            try:
                envoy.wait(10)
            except subprocess.TimeoutExpired:
                envoy.kill()
        shutil.rmtree(directory, ignore_errors=True)


@dataclass(slots=True)
class Load:
    """A small steady load, and what became of it."""

    url: str
    rate: float
    models: tuple[str, ...] = ("m",)
    answers: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    @property
    def failed(self) -> dict[str, int]:
        return {what: number for what, number in self.answers.items() if what != "200"}

    async def run(self, stop: threading.Event) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            asking: list[asyncio.Task[None]] = []
            while not stop.is_set():
                asking.append(asyncio.create_task(self._one(client, self.models[len(asking) % len(self.models)])))
                await asyncio.sleep(1 / self.rate)
            await asyncio.gather(*asking)

    async def _one(self, client: httpx.AsyncClient, model: str) -> None:
        began = time.monotonic()
        headers = {"authorization": f"Bearer {CALLER}"}
        try:
            answer = await client.post(self.url + CHAT, json=body(model), headers=headers)
        except httpx.HTTPError as error:
            self.answers[repr(error)] += 1
            return
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.answers["200" if answer.status_code == 200 else f"{answer.status_code} {answer.text[:200]}"] += 1


@contextlib.contextmanager
def load(url: str, rate: float = 25, models: tuple[str, ...] = ("m",)) -> Iterator[Load]:
    running, stop = Load(url, rate, models), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(running.run(stop)), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    print(f"\n{sum(running.answers.values())} requests: {dict(running.answers)}, slowest {running.slowest:.2f} s")
