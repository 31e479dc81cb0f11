"""A real Prometheus that scrapes one gateway, and what it answers."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.envoy.gateway import Gateway, free_port
from tests.envoy.processes import eventually
from tests.layout.tools import of_debian

INTERVAL = "1s"


@dataclass(frozen=True, slots=True)
class Prometheus:
    url: str

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=20, trust_env=False)
        told = answer.json()
        assert told["status"] == "success", f"{expression}: {told}"
        return list(told["data"]["result"])

    def values(self, expression: str) -> list[float]:
        return [float(one["value"][1]) for one in self.ask(expression)]


@contextlib.contextmanager
def prometheus(gateway: Gateway, directory: Path) -> Iterator[Prometheus]:
    binary = of_debian("prometheus")
    targets = [{"targets": [gateway.admin.removeprefix("http://")]}]
    jobs = [
        {"job_name": "extproc", "metrics_path": "/metrics", "static_configs": targets},
        {"job_name": "envoy", "metrics_path": "/metrics/envoy", "static_configs": targets},
    ]
    config = directory / "prometheus.yaml"
    config.write_text(json.dumps({"global": {"scrape_interval": INTERVAL}, "scrape_configs": jobs}))
    port = free_port()
    command = [binary, f"--config.file={config}", f"--storage.tsdb.path={directory}/data", "--log.level=warn"]
    command.append(f"--web.listen-address=127.0.0.1:{port}")
    with (directory / "prometheus.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        server = Prometheus(f"http://127.0.0.1:{port}")
        eventually(lambda: _is_ready(server), "Prometheus answers", 60)
        eventually(lambda: server.values("sum(up)") == [2.0], "both are scraped", 60)
        yield server
        said = (directory / "prometheus.log").read_text()
        assert "uplicate" not in said and "out-of-order" not in said, said
    finally:
        process.terminate()
        process.wait(20)


def _is_ready(server: Prometheus) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{server.url}/-/ready", timeout=5, trust_env=False).status_code == 200
    time.sleep(0.1)
    return False
