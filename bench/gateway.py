"""What the gateway costs: CPU of processor and Envoy for each exchange, and latency, against a plain Envoy.

Law: all kinds of exchanges take turns, several rounds of them, and a figure is the median of the rounds, because others
use the machine too. What is reported beside the figures is their ratio to the plain Envoy of the same rounds.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from bench.client import Call, drive
from bench.processes import cpu_seconds, memory_mib, running
from bench.scene import LONG, chat, free_port, gateway_configuration, get, plain_envoy, prose, upstream_envoy
from extproc.dataplane.envoy import find_envoy

ROUNDS = 3
REQUESTS = 800  # a round, at CONNECTIONS
ALONE = 100  # a round, at one connection
WARM = 100
CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of exchange. What stands behind a plain one in KINDS is compared with it."""

    name: str
    call: Call
    plain: bool = False


KINDS = (
    Kind("plain Envoy, no processor", chat("m"), plain=True),
    Kind("service (headers only)", get("/plain")),
    Kind("chat, body unchanged", chat("m", b"x-extproc-target: same/m")),
    Kind("chat, model rewritten", chat("renamed", b"x-extproc-target: other/renamed")),
    Kind("chat, failover after a 500", chat("falls", b"x-extproc-attempts: 2")),
    Kind("chat, attended stream", chat("streamed", b"x-extproc-target: streaming/streamed", stream=True, host="exact")),
    Kind("chat, translated", chat("translated", b"x-extproc-target: claude/translated")),
    Kind("chat, translated stream", chat("translated-stream", b"x-extproc-target: claude-stream/", stream=True)),
    Kind("chat, the provider's 401 mapped", chat("denied", status=b"502", said=b"upstream_auth")),
    Kind("plain Envoy, 64 KiB", chat("m", prompt=prose(LONG)), plain=True),
    Kind("chat, 64 KiB counted", chat("gpt-4o", b"x-extproc-target: counting/gpt-4o", prompt=prose(LONG))),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """One kind in one round, or the median of its rounds."""

    processor: float  # µs of CPU for each exchange
    envoy: float
    alone: float  # ms at one connection, median
    per_second: float
    failed: float  # sum over the rounds
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    rows: dict[str, Figures]  # by kind; a plain Envoy first
    processor_mib: float
    envoy_mib: float


class Scene:
    """The processes of one run."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        self._ports = {True: free_port(), False: free_port()}  # by Kind.plain
        admin = free_port()
        self._start_envoy("upstream", upstream_envoy(self._directory))
        self._plain = self._start_envoy("plain", plain_envoy(self._directory, self._ports[True]))
        config = self._directory / "extproc.yaml"
        config.write_text(json.dumps(gateway_configuration(self._directory)))
        up = [sys.executable, "-m", "extproc", "up", "-c", str(config), "--port", str(self._ports[False])]
        self._start("gateway", [*up, "--admin-port", str(admin), "--concurrency", "1", "--access-log", "off"])
        self.envoy, self.processor = asyncio.run(self._ready(admin))

    def _start_envoy(self, name: str, configuration: dict[str, object]) -> int:
        file = self._directory / f"{name}.json"
        file.write_text(json.dumps(configuration))
        command = [find_envoy(None), "-c", str(file), "--use-dynamic-base-id", "--concurrency", "1", "-l", "error"]
        return self._start(name, command)

    def _start(self, name: str, command: list[str]) -> int:
        return self._stack.enter_context(running(command, self._directory / f"{name}.log")).pid

    async def _ready(self, admin: int) -> tuple[int, int]:
        async with httpx.AsyncClient(trust_env=False) as http:
            for _ in range(300):
                try:
                    answer = await http.get(f"http://127.0.0.1:{admin}/readyz")
                    if answer.status_code == 200:
                        body = answer.json()
                        return int(body["envoy"]["pid"]), int(body["processors"][0]["pid"])
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.1)
        raise SystemExit("the gateway did not become ready: " + (self._directory / "gateway.log").read_text()[-2000:])

    def measure(self, kind: Kind, requests: int = REQUESTS, alone: int = ALONE) -> Figures:
        port, envoy = self._ports[kind.plain], self._plain if kind.plain else self.envoy
        asyncio.run(drive(port, kind.call, connections=CONNECTIONS, requests=WARM))
        before = cpu_seconds(self.processor), cpu_seconds(envoy)
        run = asyncio.run(drive(port, kind.call, connections=CONNECTIONS, requests=requests))
        after = cpu_seconds(self.processor), cpu_seconds(envoy)
        lonely = asyncio.run(drive(port, kind.call, connections=1, requests=alone))
        ours, its = [1e6 * (b - a) / run.requests for a, b in zip(before, after, strict=True)]
        return Figures(
            processor=0.0 if kind.plain else ours,
            envoy=its,
            alone=1e3 * lonely.percentile(0.5),
            per_second=run.per_second,
            failed=run.failed + lonely.failed,
            plain=kind.plain,
        )


def middle(rounds: list[Figures]) -> Figures:
    return Figures(
        processor=median(one.processor for one in rounds),
        envoy=median(one.envoy for one in rounds),
        alone=median(one.alone for one in rounds),
        per_second=median(one.per_second for one in rounds),
        failed=sum(one.failed for one in rounds),
        plain=rounds[0].plain,
    )


def run(say: Callable[[str], None] = lambda text: None, kinds: tuple[Kind, ...] = KINDS) -> Report:
    rounds: dict[str, list[Figures]] = {kind.name: [] for kind in kinds}
    with ExitStack() as stack:
        scene = Scene(stack)
        for number in range(ROUNDS):
            for kind in kinds:
                say(f"round {number + 1} of {ROUNDS}: {kind.name}")
                rounds[kind.name].append(scene.measure(kind))
        rows = {name: middle(figures) for name, figures in rounds.items()}
        return Report(rows, memory_mib(scene.processor), memory_mib(scene.envoy))


COLUMNS = (
    "exchange",
    "processor µs",
    "Envoy µs",
    "× plain",
    "p50 ms, alone",
    "added ms",
    "per second",
    "of plain",
    "failed",
)


def cells(report: Report) -> list[tuple[str, ...]]:
    """Each row beside the last plain one before it."""
    rows: list[tuple[str, ...]] = []
    plain = next(iter(report.rows.values()))
    for name, row in report.rows.items():
        plain = row if row.plain else plain
        rows.append(
            (
                name,
                f"{row.processor:.0f}",
                f"{row.envoy:.0f}",
                f"{row.envoy / plain.envoy:.1f}",
                f"{row.alone:.2f}",
                f"{row.alone - plain.alone:+.2f}",
                f"{row.per_second:.0f}",
                f"{row.per_second / plain.per_second:.3f}",
                f"{row.failed:.0f}",
            )
        )
    return rows
