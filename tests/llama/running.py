"""Real llama.cpp servers as child processes, of a model that is made for them: started, killed, and asked for their own
numbers."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.envoy.gateway import free_port
from tests.envoy.processes import eventually
from tests.sdk.environments import LLAMA

HERE = Path(__file__).parent
WORD = "uncopyrightable"
KEY = "key-of-llama"
SHOWN = {"authorization": f"Bearer {KEY}"}


@dataclass(slots=True)
class Llama:
    """One server, which may be killed and started again at the same port."""

    name: str
    model: Path
    slots: int
    port: int = field(default_factory=free_port)
    started: "subprocess.Popen[bytes] | None" = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self.started is not None
        return self.started

    def start(self) -> None:
        command = [str(LLAMA.python), str(HERE / "serve.py"), str(self.model), str(self.port), KEY, str(self.slots)]
        with (self.model.parent / f"{self.name}.log").open("a") as log:
            self.started = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(self.is_well, f"health of {self.name}", 60)

    def kill(self) -> None:
        if self.started is not None:
            self.started.kill()
            self.started.wait(10)

    def is_well(self) -> bool:
        try:
            return httpx.get(f"{self.origin}/health", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def complete(self) -> None:
        """One answer of real tokens."""
        body = {"prompt": "u", "n_predict": 20, "temperature": 0}
        answer = httpx.post(f"{self.origin}/completion", json=body, headers=SHOWN, trust_env=False, timeout=60)
        assert answer.raise_for_status().json()["content"]

    def number(self, name: str) -> float:
        """Of its own metrics."""
        answer = httpx.get(f"{self.origin}/metrics", headers=SHOWN, trust_env=False, timeout=30)
        for line in answer.text.splitlines():
            if line.startswith(f"llamacpp:{name} "):
                return float(line.split()[1])
        raise AssertionError(f"{self.name} tells no {name}:\n{answer.text}")


@contextlib.contextmanager
def llamas_running(home: Path, slots: dict[str, int]) -> Iterator[dict[str, Llama]]:
    if why := LLAMA.why_missing():
        pytest.skip(why)
    model = home / "one-word.gguf"
    subprocess.run([str(LLAMA.python), str(HERE / "model.py"), str(model)], check=True, timeout=120)
    servers = {name: Llama(name, model, count) for name, count in slots.items()}
    try:
        for server in servers.values():
            server.start()
        yield servers
    finally:
        for server in servers.values():
            server.kill()


@contextlib.contextmanager
def llama_running(home: Path) -> Iterator[Llama]:
    with llamas_running(home, {"llama": 2}) as servers:
        yield servers["llama"]
