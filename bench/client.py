"""A small closed-loop HTTP/1.1 client: so many connections, each sending the next request when the last was answered.

Law: it is bounded in requests, and counts what was not 200 instead of hiding it.
"""

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    requests: int
    failed: int
    seconds: float
    latencies: tuple[float, ...]  # seconds, sorted

    def percentile(self, share: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))]


async def drive(port: int, request: bytes, *, connections: int, requests: int) -> Run:
    latencies: list[float] = []
    failed = 0
    left = requests

    async def worker() -> None:
        nonlocal failed, left
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while left > 0:
            left -= 1
            began = time.perf_counter()
            writer.write(request)
            status = await _read_answer(reader)
            latencies.append(time.perf_counter() - began)
            failed += status != 200
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    return Run(len(latencies), failed, time.perf_counter() - began, tuple(sorted(latencies)))


async def _read_answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    lower = head.lower()
    if b"content-length:" in lower:
        await reader.readexactly(int(lower.split(b"content-length:")[1].split(b"\r\n")[0]))
        return status
    while (size := int(await reader.readuntil(b"\r\n"), 16)) > 0:
        await reader.readexactly(size + 2)
    await reader.readexactly(2)
    return status
