"""`extproc serve --workers N` beside an Envoy that a test runs itself, as somebody with an Envoy of their own does."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from extproc.config.load import load_document
from tests.dataplane.envoy import running as running_envoy
from tests.envoy.gateway import Lines, environment, free_port
from tests.envoy.processes import descendants, eventually, is_alive

WORKERS = 2


@dataclass(slots=True)
class Keeper:
    process: "subprocess.Popen[str]"
    url: str
    admin: str
    out: Lines
    err: Lines

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.admin + path, timeout=10, trust_env=False)

    def is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return self.get("/readyz").status_code == 200
        return False

    def pids(self) -> list[int]:
        return [int(one["pid"]) for one in self.get("/readyz").json()["processors"]]

    def renew(self) -> None:
        before = set(self.pids())
        self.process.send_signal(signal.SIGHUP)
        eventually(lambda: not before & set(self.pids()) and len(self.pids()) == len(before), "new workers", 60)

    def metric(self, name: str) -> float:
        lines = self.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.partition("{")[0].split(" ")[0] == name)


def _addresses(listen: str) -> tuple[str, ...]:
    if listen.startswith("unix://"):
        path = Path(listen.removeprefix("unix://"))
        return tuple(str(path.with_name(f"{path.stem}.{number}{path.suffix}")) for number in range(WORKERS))
    host, _, port = listen.rpartition(":")
    return tuple(f"{host}:{int(port) + number}" for number in range(WORKERS))


@contextlib.contextmanager
def keeping(config: Mapping[str, Any]) -> Iterator[Keeper]:
    loaded = load_document(dict(config), "test")
    assert loaded.compiled is not None, loaded.problems
    with tempfile.TemporaryDirectory(prefix="kp-") as directory:
        file = Path(directory) / "extproc.yaml"
        file.write_text(json.dumps(config))
        listen, admin = f"unix://{directory}/x.sock", f"127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "extproc", "serve", "-c", str(file), "--listen", listen]
        command += ["--admin", admin, "--workers", str(WORKERS), "--drain", "5s"]
        (Path(directory) / "t").mkdir()
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environment(TMPDIR=f"{directory}/t"),
        )
        assert process.stdout is not None and process.stderr is not None
        keeper = Keeper(process, "", f"http://{admin}", Lines(), Lines())
        keeper.out.follow(process.stdout)
        keeper.err.follow(process.stderr)
        family: set[int] = set()
        try:
            eventually(lambda: keeper.is_ready() or process.poll() is not None, "a keeper that is ready", 40)
            assert process.poll() is None, keeper.err.text()
            family = descendants(process.pid)
            with running_envoy(loaded.compiled.snapshot, _addresses(listen)) as envoy:
                keeper.url = f"http://127.0.0.1:{envoy.place.port}"
                yield keeper
            family |= descendants(process.pid)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, keeper.err.text()
            eventually(lambda: not any(map(is_alive, family)), "workers that are gone")
            assert list((Path(directory) / "t").iterdir()) == []
        finally:
            process.kill()
            process.wait(5)
            for pid in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            keeper.out.end()
            keeper.err.end()
