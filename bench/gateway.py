"""What the gateway costs: CPU of processor and Envoy for each exchange, and latency, against a plain Envoy.

Law: baseline and gateway take turns in one run, with the same Envoy binary, the same upstream (an Envoy that answers by
itself) and the same client; what is reported beside the figures is their ratio.
"""

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import httpx

from bench.client import Run, drive
from bench.processes import cpu_seconds, memory_mib
from extproc.dataplane.envoy import find_envoy

REQUESTS = 3000
WARM = 300
CONNECTIONS = 8
ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello there!"}}],
    "usage": {"prompt_tokens": 60, "completion_tokens": 3, "total_tokens": 63},
}
TYPE = "type.googleapis.com/envoy.extensions.filters"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def http_listener(name: str, address: dict[str, object], routes: list[dict[str, object]]) -> dict[str, object]:
    manager = {
        "@type": f"{TYPE}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{TYPE}.http.router.v3.Router"}}
        ],
        "route_config": {"virtual_hosts": [{"name": name, "domains": ["*"], "routes": routes}]},
    }
    chain = {"filters": [{"name": "hcm", "typed_config": manager}]}
    return {"name": name, "address": address, "filter_chains": [chain]}


def plain_envoy(directory: Path, port: int) -> dict[str, object]:
    """The upstream on a Unix socket, and the baseline: the same hop without a processor."""
    upstream = {"pipe": {"path": str(directory / "up.sock")}}
    answer = {
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": {"inline_string": json.dumps(ANSWER)}},
        "response_headers_to_add": [
            {
                "header": {"key": "content-type", "value": "application/json"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }
    endpoint = {"endpoint": {"address": upstream}}
    cluster = {
        "name": "up",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "up", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    front = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {
        "static_resources": {
            "listeners": [
                http_listener("upstream", upstream, [answer]),
                http_listener("front", front, [{"match": {"prefix": "/"}, "route": {"cluster": "up"}}]),
            ],
            "clusters": [cluster],
        }
    }


def configuration(directory: Path) -> dict[str, object]:
    sock = f"unix://{directory / 'up.sock'}"
    return {
        "providers": {
            "same": {"dialect": "openai", "endpoints": [sock], "credential": "k", "models": ["m"]},
            "other": {
                "dialect": "openai",
                "endpoints": [sock],
                "credential": "k",
                "models": [{"name": "renamed", "upstream": "m"}],
            },
        },
        "services": {"plain": {"endpoints": [sock]}},
        "routes": [{"match": {"path": "/plain"}, "service": "plain"}, {"match": {"path": "/v1/*"}}],
    }


def chat(port: int, model: str) -> bytes:
    body = json.dumps(
        {"model": model, "messages": [{"role": "user", "content": "Say hello. " + "Please be brief. " * 12}]}
    ).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
    return head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body


def get(port: int, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode()


class Bench:
    """The processes of one run."""

    def __init__(self, stack: ExitStack) -> None:
        self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        self.plain_port, self.port, self.admin = free_port(), free_port(), free_port()
        plain = self.directory / "plain.json"
        plain.write_text(json.dumps(plain_envoy(self.directory, self.plain_port)))
        command = [find_envoy(None), "-c", str(plain), "--use-dynamic-base-id", "--concurrency", "1", "-l", "error"]
        self._start(stack, command)
        config = self.directory / "extproc.yaml"
        config.write_text(json.dumps(configuration(self.directory)))
        up = [sys.executable, "-m", "extproc", "up", "-c", str(config), "--port", str(self.port), "--concurrency", "1"]
        self._start(stack, [*up, "--admin-port", str(self.admin), "--access-log", "off"])
        self.envoy, self.processor = asyncio.run(self._ready())

    def _start(self, stack: ExitStack, command: list[str]) -> None:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.terminate)

    async def _ready(self) -> tuple[int, int]:
        async with httpx.AsyncClient(trust_env=False) as http:
            for _ in range(300):
                try:
                    answer = await http.get(f"http://127.0.0.1:{self.admin}/readyz")
                    if answer.status_code == 200:
                        body = answer.json()
                        return int(body["envoy"]["pid"]), int(body["processors"][0]["pid"])
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.1)
        raise SystemExit("the gateway did not become ready")

    def measure(self, name: str, port: int, request: bytes) -> "Row":
        asyncio.run(drive(port, request, connections=CONNECTIONS, requests=WARM))
        before = cpu_seconds(self.processor), cpu_seconds(self.envoy)
        run = asyncio.run(drive(port, request, connections=CONNECTIONS, requests=REQUESTS))
        after = cpu_seconds(self.processor), cpu_seconds(self.envoy)
        alone = asyncio.run(drive(port, request, connections=1, requests=WARM))
        micros = [1e6 * (b - a) / run.requests for a, b in zip(before, after, strict=True)]
        return Row(name, run, alone, *micros)


class Row:
    def __init__(self, name: str, run: Run, alone: Run, processor: float, envoy: float) -> None:
        self.name, self.run, self.alone, self.processor, self.envoy = name, run, alone, processor, envoy

    def cells(self, baseline: "Row") -> tuple[str, ...]:
        return (
            self.name,
            f"{self.processor:.0f}",
            f"{self.envoy:.0f}" if self is not baseline else "-",
            f"{1e3 * self.alone.percentile(0.5):.2f}",
            f"{1e3 * (self.alone.percentile(0.5) - baseline.alone.percentile(0.5)):+.2f}",
            f"{self.run.requests / self.run.seconds:.0f}",
            f"{baseline.run.seconds / self.run.seconds:.2f}",
            str(self.run.failed),
        )


COLUMNS = ("exchange", "processor µs", "Envoy µs", "p50 ms, alone", "against plain", "per second", "ratio", "failed")


def run() -> tuple[tuple[str, ...], list[tuple[str, ...]], str]:
    with ExitStack() as stack:
        bench = Bench(stack)
        rows = [
            bench.measure("plain Envoy, no processor", bench.plain_port, chat(bench.plain_port, "m")),
            bench.measure("service (headers only)", bench.port, get(bench.port, "/plain")),
            bench.measure("chat, body unchanged", bench.port, chat(bench.port, "m")),
            bench.measure("chat, model rewritten", bench.port, chat(bench.port, "renamed")),
        ]
        memory = f"processor {memory_mib(bench.processor):.0f} MiB, Envoy {memory_mib(bench.envoy):.0f} MiB resident"
        return COLUMNS, [row.cells(rows[0]) for row in rows], memory
