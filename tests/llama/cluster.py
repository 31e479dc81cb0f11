"""Real llama.cpp servers as clusters: started, killed and asked for their own numbers."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.envoy.gateway import free_port
from tests.envoy.processes import eventually
from tests.sdk.environments import LLAMA

HERE = Path(__file__).parent
KEY = "key-of-llama"
START_PATIENCE = 60.0


def make_model(home: Path) -> Path:
    model = home / "one-word.gguf"
    subprocess.run([str(LLAMA.python), str(HERE / "model.py"), str(model)], check=True, timeout=120)
    return model


@dataclass(slots=True)
class Cluster:
    """One server, which may be killed and started again at the same port."""

    name: str
    model: Path
    slots: int
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [str(LLAMA.python), str(HERE / "serve.py"), str(self.model), str(self.port), KEY, str(self.slots)]
        with (self.model.parent / f"{self.name}.log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(self.is_healthy, f"health of {self.name}", START_PATIENCE)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def is_healthy(self) -> bool:
        try:
            return httpx.get(f"{self.origin}/health", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def number(self, name: str) -> float:
        """Of its own metrics."""
        answer = httpx.get(
            f"{self.origin}/metrics", headers={"authorization": f"Bearer {KEY}"}, trust_env=False, timeout=30
        )
        for line in answer.text.splitlines():
            if line.startswith(f"llamacpp:{name} "):
                return float(line.split()[1])
        raise AssertionError(f"{self.name} tells no {name}:\n{answer.text}")


@contextlib.contextmanager
def clusters(home: Path, slots: dict[str, int]) -> Iterator[dict[str, Cluster]]:
    model = make_model(home)
    made = {name: Cluster(name, model, count) for name, count in slots.items()}
    try:
        for cluster in made.values():
            cluster.start()
        yield made
    finally:
        for cluster in made.values():
            cluster.kill()
