"""A real llama.cpp server as a child process, of a model that is made for it."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.envoy.gateway import free_port
from tests.envoy.processes import eventually
from tests.sdk.environments import LLAMA

HERE = Path(__file__).parent
WORD = "uncopyrightable"
KEY = "key-of-llama"


@dataclass(frozen=True)
class Llama:
    process: subprocess.Popen[bytes]
    port: int

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_well(self) -> bool:
        try:
            return httpx.get(f"{self.origin}/health", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def complete(self) -> None:
        """One answer of real tokens."""
        body = {"prompt": "u", "n_predict": 20, "temperature": 0}
        headers = {"authorization": f"Bearer {KEY}"}
        answer = httpx.post(f"{self.origin}/completion", json=body, headers=headers, trust_env=False, timeout=60)
        assert answer.raise_for_status().json()["content"]


@contextlib.contextmanager
def llama_running(home: Path) -> Iterator[Llama]:
    if why := LLAMA.why_missing():
        pytest.skip(why)
    model, port = home / "one-word.gguf", free_port()
    subprocess.run([str(LLAMA.python), str(HERE / "model.py"), str(model)], check=True, timeout=120)
    command = [str(LLAMA.python), str(HERE / "serve.py"), str(model), str(port), KEY]
    with (home / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        server = Llama(process, port)
        try:
            eventually(server.is_well, "llama.cpp's health", 60)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
