"""What several workers carry, and what it costs that each hears of everything: `python -m bench.workers`.

Law: gateways with one, two and four workers take turns, several rounds of them, on the same upstream; a figure is the
median of its rounds and is read beside that of one worker.
"""

import asyncio
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from bench.client import drive
from bench.processes import cpu_seconds, running
from bench.scene import chat, free_port, gateway_configuration, upstream_envoy
from extproc.dataplane.envoy import find_envoy

COUNTS = (1, 2, 4)
ROUNDS = 3
REQUESTS = 600
WARM = 200
CONNECTIONS = 16
ASKED = chat("m", b"x-extproc-target: same/m")


@dataclass(frozen=True, slots=True)
class Gateway:
    port: int
    processors: tuple[int, ...]
    envoy: int


@dataclass(frozen=True, slots=True)
class Figures:
    per_second: float
    processors: float  # µs of CPU for each exchange, of all workers together
    busiest: float  # the share of that which the busiest of them had
    failed: int


def _start(stack: ExitStack, directory: Path, workers: int) -> Gateway:
    port, admin = free_port(), free_port()
    command = [sys.executable, "-m", "extproc", "up", "-c", str(directory / "extproc.yaml"), "--port", str(port)]
    command += ["--admin-port", str(admin), "--concurrency", "2", "--access-log", "off", "--workers", str(workers)]
    stack.enter_context(running(command, directory / f"gateway{workers}.log"))
    return asyncio.run(_ready(port, admin))


async def _ready(port: int, admin: int) -> Gateway:
    async with httpx.AsyncClient(trust_env=False) as http:
        for _ in range(600):
            try:
                answer = await http.get(f"http://127.0.0.1:{admin}/readyz")
                if answer.status_code == 200:
                    told = answer.json()
                    return Gateway(port, tuple(one["pid"] for one in told["processors"]), told["envoy"]["pid"])
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)
    raise SystemExit("a gateway did not become ready")


def _measure(gateway: Gateway) -> Figures:
    asyncio.run(drive(gateway.port, ASKED, connections=CONNECTIONS, requests=WARM))
    before = [cpu_seconds(pid) for pid in gateway.processors]
    run = asyncio.run(drive(gateway.port, ASKED, connections=CONNECTIONS, requests=REQUESTS))
    spent = [cpu_seconds(pid) - was for pid, was in zip(gateway.processors, before, strict=True)]
    return Figures(run.per_second, 1e6 * sum(spent) / run.requests, max(spent) / sum(spent), run.failed)


def main() -> None:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        upstream = directory / "upstream.json"
        upstream.write_text(json.dumps(upstream_envoy(directory)))
        command = [find_envoy(None), "-c", str(upstream), "--use-dynamic-base-id", "--concurrency", "1", "-l", "error"]
        stack.enter_context(running(command, directory / "upstream.log"))
        (directory / "extproc.yaml").write_text(json.dumps(gateway_configuration(directory)))
        gateways = {count: _start(stack, directory, count) for count in COUNTS}
        rounds = [{count: _measure(gateway) for count, gateway in gateways.items()} for _ in range(ROUNDS)]
    print("workers  per second  × one  µs of all  × one  busiest  failed")
    for count in COUNTS:
        rate = median(one[count].per_second for one in rounds)
        cost = median(one[count].processors for one in rounds)
        times = median(one[count].per_second / one[1].per_second for one in rounds)
        dearer = median(one[count].processors / one[1].processors for one in rounds)
        busiest = median(one[count].busiest for one in rounds)
        failed = sum(one[count].failed for one in rounds)
        print(f"{count:7d}  {rate:10.0f}  {times:5.2f}  {cost:9.0f}  {dearer:5.2f}  {busiest:7.2f}  {failed:6d}")


if __name__ == "__main__":
    main()
