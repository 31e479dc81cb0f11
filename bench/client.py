"""A small closed-loop HTTP/1.1 client: so many connections, each sending the next request when the last was answered.

Law: it is bounded in requests and in seconds. A request has failed when it was not answered whole,
with the status and by whom it was meant for; the failed ones are counted and their latency is not, so an error that
comes fast never looks good.
"""

import asyncio
import time
from dataclasses import dataclass

LONGEST_ANSWER = 10.0  # seconds for one answer
LONGEST_RUN = 120.0  # seconds for all


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent, and how one knows that the answer is the right one."""

    request: bytes
    in_head: bytes = b""  # lower case
    in_body: bytes = b""
    status: bytes = b"200"

    def right(self, head: bytes, body: bytes) -> bool:
        return head[9:12] == self.status and self.in_head in head.lower() and self.in_body in body


@dataclass(frozen=True, slots=True)
class Run:
    requests: int
    failed: int
    seconds: float
    latencies: tuple[float, ...]  # seconds, sorted, of those that did not fail

    @property
    def per_second(self) -> float:
        """Answers that were right."""
        return (self.requests - self.failed) / self.seconds

    def percentile(self, share: float) -> float:
        if not self.latencies:
            return float("nan")
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))]


async def drive(port: int, call: Call, *, connections: int, requests: int) -> Run:
    latencies: list[float] = []
    tickets = iter(range(requests))

    async def worker() -> None:
        connection: Connection | None = None
        for _ in tickets:
            began = time.perf_counter()
            try:
                async with asyncio.timeout(LONGEST_ANSWER):
                    connection = connection or await open_connection(port)
                    right = call.right(*await connection.ask(call.request))
            except (OSError, EOFError, TimeoutError, ValueError):
                right = False
                if connection is not None:
                    connection.close()
                connection = None
            if right:
                latencies.append(time.perf_counter() - began)
        if connection is not None:
            connection.close()

    began = time.perf_counter()
    async with asyncio.timeout(LONGEST_RUN):
        await asyncio.gather(*(worker() for _ in range(connections)))
    seconds = time.perf_counter() - began
    return Run(requests, requests - len(latencies), seconds, tuple(sorted(latencies)))


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """The answer's head and body; EOFError when it is cut, ValueError when it is no HTTP."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1."):
            raise ValueError("no answer in HTTP")
        _, found, length = head.lower().partition(b"content-length:")
        if found:
            return head, await self._reader.readexactly(int(length.split(b"\r\n", 1)[0]))
        return head, await self._chunks()

    async def _chunks(self) -> bytes:
        chunks = []
        while (size := int(await self._reader.readuntil(b"\r\n"), 16)) > 0:
            chunks.append((await self._reader.readexactly(size + 2))[:-2])
        await self._reader.readexactly(2)
        return b"".join(chunks)

    def close(self) -> None:
        self._writer.close()


async def open_connection(port: int) -> Connection:
    return Connection(*await asyncio.open_connection("127.0.0.1", port))
