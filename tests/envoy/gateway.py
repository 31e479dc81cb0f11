"""`extproc up` as a user starts it: a process of its own with a real Envoy under it.

Law: it is told only what the command line takes and asked only what the two ports, the pipes and the kernel say. Who
starts one also ends it, and then nothing of it may be left: no process, no file of its run.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx

from tests.envoy.processes import descendants, eventually, is_alive

START_PATIENCE = 40.0
STOP_PATIENCE = 20.0
# The environment of whoever runs the tests must not choose providers or proxies.
FORGOTTEN = ("_API_KEY", "_proxy", "_PROXY", "_ACCESS_KEY_ID", "_ACCESS_TOKEN", "_BEARER_TOKEN_BEDROCK")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.endswith(FORGOTTEN)}
    return {**kept, "PYTHONUNBUFFERED": "1", **more}


@dataclass(slots=True)
class Lines:
    """What a pipe said, collected as it comes."""

    said: list[str] = field(default_factory=list)
    reader: threading.Thread | None = None

    def follow(self, pipe: IO[str]) -> None:
        self.reader = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self.reader.start()

    def _read(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self.said.append(line.rstrip("\n"))

    def end(self) -> None:
        """Waits until all that was said is here; the pipe ends with the last process that holds it."""
        if self.reader is not None:
            self.reader.join(5)

    def documents(self) -> list[dict[str, Any]]:
        found = []
        for line in list(self.said):
            with contextlib.suppress(ValueError):
                document = json.loads(line)
                if isinstance(document, dict):
                    found.append(document)
        return found

    def text(self) -> str:
        return "\n".join(self.said)


class Gateway:
    """`extproc up -c FILE --port P --admin-port A`, from start to end; without a configuration, without -c."""

    def __init__(
        self,
        config: Mapping[str, Any] | str | None,
        arguments: Sequence[str] = (),
        more_environment: Mapping[str, str] | None = None,
        source: Path | None = None,
        before: Callable[[], None] | None = None,
    ) -> None:
        # A short name, because the run's sockets lie below it.
        self.directory = Path(tempfile.mkdtemp(prefix="gw-"))
        self.runs = self.directory / "t"
        self.runs.mkdir()
        self.file = self.directory / "extproc.yaml"
        self.source = source or self.file
        self.port, self.admin_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.admin = f"http://127.0.0.1:{self.admin_port}"
        self.out, self.err = Lines(), Lines()
        self._from_file = config is not None
        if config is not None:
            self.write_config(config)
        self._arguments = list(arguments)
        self._before = before
        self._environment = environment(TMPDIR=str(self.runs), **(more_environment or {}))
        self._family: set[int] = set()
        self.process: subprocess.Popen[str] | None = None

    # --- life --------------------------------------------------------------------------------------------------------

    def launch(self) -> "Gateway":
        """Starts it and does not wait."""
        command = [sys.executable, "-m", "extproc", "up", *(["-c", str(self.source)] if self._from_file else [])]
        command += ["--port", str(self.port), "--admin-port", str(self.admin_port), *self._arguments]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env=self._environment,
            cwd=self.directory,
            preexec_fn=self._before,
        )
        assert self.process.stdout is not None and self.process.stderr is not None
        self.out.follow(self.process.stdout)
        self.err.follow(self.process.stderr)
        return self

    def start(self) -> "Gateway":
        self.launch()
        assert self.process is not None
        deadline = time.monotonic() + START_PATIENCE
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = f"{self.out.text()}\n{self.err.text()}"
                self.end_by_force()
                raise AssertionError(f"the gateway did not start:\n{said}")
            time.sleep(0.05)
        self.family()
        return self

    def stop(self) -> int:
        """Ends it as Ctrl-C does and asserts that nothing is left."""
        assert self.process is not None
        self.family()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self.end_by_force()
            raise AssertionError(f"it did not end within {STOP_PATIENCE:.0f} s of SIGTERM") from None
        try:
            self.assert_nothing_left()
        finally:
            self.end_by_force()
        return code

    def assert_nothing_left(self) -> None:
        eventually(lambda: not self.living(), f"processes left: {self.living()}", 5)
        assert list(self.runs.iterdir()) == [], "a run's directory is left"

    def end_by_force(self) -> None:
        """For a test that went wrong: ends only what this gateway started."""
        if self.process is not None and self.process.poll() is None:
            self.family()
            self.process.kill()
            self.process.wait(5)
        for pid in self.living():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.out.end()
        self.err.end()
        shutil.rmtree(self.directory, ignore_errors=True)

    def family(self) -> set[int]:
        """All processes that were ever seen below it."""
        assert self.process is not None
        self._family |= descendants(self.process.pid)
        return self._family

    def living(self) -> list[int]:
        return sorted(pid for pid in self._family if is_alive(pid))

    # --- what it says ------------------------------------------------------------------------------------------------

    def readyz(self) -> httpx.Response:
        return httpx.get(f"{self.admin}/readyz", timeout=5, trust_env=False)

    def is_ready(self) -> bool:
        try:
            return self.readyz().status_code == 200
        except httpx.HTTPError:
            return False

    def status(self) -> dict[str, Any]:
        return dict(self.readyz().json())

    @property
    def hash(self) -> str:
        return str(self.status()["config"]["hash"])

    @property
    def processor_pid(self) -> int:
        return int(self.status()["processors"][0]["pid"])

    @property
    def envoy_pid(self) -> int:
        return int(self.status()["envoy"]["pid"])

    def metrics(self) -> str:
        return httpx.get(f"{self.admin}/metrics", timeout=5, trust_env=False).raise_for_status().text

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all series of this name that have these labels."""
        total = 0.0
        for line in self.metrics().splitlines():
            series, _, value = line.rpartition(" ")
            named, _, rest = series.partition("{")
            if named == name and all(f'{label}="{wanted}"' in rest for label, wanted in labels.items()):
                total += float(value)
        return total

    def lines(self, log: str) -> list[dict[str, Any]]:
        documents = [*self.out.documents(), *self.err.documents()]
        return [document for document in documents if document.get("log") == log]

    def decision(self, exchange_id: str, seconds: float = 10.0) -> dict[str, Any]:
        """The decision line of an exchange, which comes when the exchange has ended."""
        found: list[dict[str, Any]] = []

        def seen() -> bool:
            found[:] = [line for line in self.lines("exchange") if line.get("id") == exchange_id]
            return bool(found)

        eventually(seen, f"a decision line of {exchange_id}", seconds)
        assert len(found) == 1, found
        return found[0]

    # --- its configuration -------------------------------------------------------------------------------------------

    def write_config(self, config: Mapping[str, Any] | str) -> None:
        """In one step, as an editor saves."""
        new = self.file.with_suffix(".new")
        new.write_text(config if isinstance(config, str) else json.dumps(config, indent=1))  # JSON is YAML
        new.replace(self.file)

    def reload(self, config: Mapping[str, Any] | str) -> str:
        """Writes a configuration and waits until it is in force; its hash."""
        before = self.hash
        self.write_config(config)
        return self.wait_for_reload(before)

    def wait_for_reload(self, before: str, seconds: float = 15.0) -> str:
        eventually(lambda: self.hash != before, f"another hash; /readyz says {self.status()}", seconds)
        return self.hash


@contextlib.contextmanager
def running(
    config: Mapping[str, Any] | str | None,
    *arguments: str,
    more_environment: Mapping[str, str] | None = None,
    source: Path | None = None,
    before: Callable[[], None] | None = None,
) -> Iterator[Gateway]:
    """`before` is called in the new process, before it is the gateway."""
    gateway = Gateway(config, arguments, more_environment, source, before).start()
    try:
        yield gateway
    except BaseException:
        gateway.end_by_force()
        raise
    code = gateway.stop()
    assert code == 0, f"it ended with {code}: {gateway.err.text()}"
