"""`extproc serve` and an Envoy that was given what `extproc render` wrote: two processes that meet on a socket.

Law: all is done as an operator does it, by the command line and with secrets in Envoy's environment or in files. Who
starts something here ends it.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.cli.running import call
from tests.dataplane.envoy import binary
from tests.envoy.gateway import Lines, environment, free_port

PATIENCE = 30.0
KEY = "canary-of-a-variable"
Shape = Callable[["Scene"], Path]


@dataclass(slots=True)
class Scene:
    """Where it all is, before anything runs."""

    directory: Path
    port: int = field(default_factory=free_port)

    @property
    def config(self) -> Path:
        return self.directory / "extproc.yaml"

    @property
    def socket(self) -> Path:
        return self.directory / "p.sock"

    @property
    def admin(self) -> Path:
        return self.directory / "e.sock"

    def render(self, *arguments: str) -> str:
        """What a render verb writes to standard output. No secret is in any of it."""
        done = call("render", *arguments, "-c", str(self.config), "--processor", str(self.socket))
        assert done.exit_code == 0, done.output
        assert "canary" not in done.output
        return done.stdout


@dataclass(slots=True)
class Foreign:
    """Both of them, running."""

    scene: Scene
    processor: "subprocess.Popen[str]"
    said: Lines
    url: str = field(init=False)

    def __post_init__(self) -> None:
        self.url = f"http://127.0.0.1:{self.scene.port}"

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = None) -> httpx.Response:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {"content-type": "application/json", **(headers or {})}
        return httpx.request(method, f"{self.url}{path}", headers=given, content=content, timeout=20, trust_env=False)

    def chat(self, model: str, headers: Mapping[str, str] | None = None, **fields: Any) -> httpx.Response:
        messages = [{"role": "user", "content": "hello"}]
        return self.ask("POST", "/v1/chat/completions", headers, {"model": model, "messages": messages, **fields})

    def decision(self, exchange: str) -> dict[str, Any]:
        """The decision line of an exchange, once it has ended."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for line in self.said.documents():
                if line.get("log") == "exchange" and line.get("id") == exchange:
                    return line
            time.sleep(0.05)
        raise AssertionError(f"no decision line of {exchange}: {self.said.text()[-2000:]}")


@contextlib.contextmanager
def beside(
    config: str, shape: Shape, *, ready: Callable[["Scene"], bool] | None = None, **variables: str
) -> Iterator[Foreign]:
    """A processor, and an Envoy that starts with the bootstrap which `shape` makes; both have these variables."""
    with tempfile.TemporaryDirectory(prefix="fe") as name, contextlib.ExitStack() as stack:
        scene = Scene(Path(name))
        scene.config.write_text(config)
        (scene.directory / "key").write_text("canary-of-a-file")  # older Envoys send a line break along
        bootstrap = shape(scene)
        said = Lines()
        processor = stack.enter_context(_serving(scene, said, variables))
        log = stack.enter_context(_running(scene, bootstrap, variables))
        foreign = Foreign(scene, processor, said)
        _wait(foreign, log, ready or (lambda _: foreign.ask("GET", "/v1/models").status_code == 200))
        yield foreign


@contextlib.contextmanager
def _serving(scene: Scene, said: Lines, variables: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "extproc", "serve", "-c", str(scene.config)]
    command += ["--listen", f"unix://{scene.socket}", "--drain", "1s"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(LAB_KEY=KEY, **variables)
    )
    assert process.stdout is not None
    said.follow(process.stdout)
    try:
        yield process
    finally:
        _end(process)
        said.end()


@contextlib.contextmanager
def _running(scene: Scene, bootstrap: Path, variables: Mapping[str, str]) -> Iterator[Path]:
    log = scene.directory / "envoy.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*_envoy(), "-c", str(bootstrap), "--concurrency", "1", "-l", "warning", "--drain-time-s", "1"],
            stdout=output,
            stderr=output,
            env={**os.environ, "LAB_KEY": KEY, **variables},
        )
        try:
            yield log
        finally:
            _end(process)


def _envoy() -> list[str]:
    """Another one by EXTPROC_TEST_ENVOY: the portable form must run on older ones, too."""
    return [os.environ.get("EXTPROC_TEST_ENVOY") or binary(), "--use-dynamic-base-id"]


def _end(process: "subprocess.Popen[Any]") -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def _wait(foreign: Foreign, log: Path, ready: Callable[[Scene], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if ready(foreign.scene):
                return
        time.sleep(0.05)
    raise AssertionError(f"{log.read_text()[-3000:]}\n{foreign.said.text()[-2000:]}")


# --- shapes: how Envoy is told ---------------------------------------------------------------------------------------


def static(form: str) -> Shape:
    def made(scene: Scene) -> Path:
        file = scene.directory / "envoy.json"
        file.write_text(scene.render("bootstrap", *_own(scene, form), "--static", "--port", str(scene.port)))
        return file

    return made


def followed(form: str) -> Shape:
    def made(scene: Scene) -> Path:
        xds = scene.directory / "xds"
        scene.render("xds", "--form", form, "--port", str(scene.port), "--access-log", "off", "-o", str(xds))
        assert all("canary" not in file.read_text() for file in xds.iterdir())
        file = scene.directory / "envoy.json"
        file.write_text(scene.render("bootstrap", *_own(scene, form), "--xds", str(xds)))
        return file

    return made


def _own(scene: Scene, form: str) -> tuple[str, ...]:
    return ("--form", form, "--admin", str(scene.admin), "--access-log", "off")
