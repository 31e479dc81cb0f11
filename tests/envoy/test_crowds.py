"""Thousands of open streams at a time: what they cost, that others are served, that each ends whole.

Law: counts are asserted, memory and times only printed: they are the machine's.
"""

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from extproc.dataplane.machine import raise_descriptor_limit
from tests.envoy.crowd import ASKED, END, Crowd, Listeners, holding
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.h2 import Http2, connected

CROWD = 5_000
CONNECTIONS = 10
AT_A_TIME = 250  # that are asked for and not yet answered: the processor is one
PATIENCE = 120.0
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    needed = 2 * CROWD + 1_000  # the test is client and upstream, Envoy has both sides too
    most = raise_descriptor_limit()
    if most is not None and most < needed:
        pytest.skip(f"a process may have {most} files and sockets open here, and {needed} are needed")
    with holding() as crowd:
        yield crowd


@pytest.fixture(scope="module")
def gateway(crowd: Crowd, demos: dict[str, Demo]) -> Iterator[Gateway]:
    providers = {
        "held": {"dialect": "openai", "base_url": f"{crowd.origin}/v1", "models": ["m"]},
        "lab": demos["lab"].configured(models=["small"]),
    }
    with running({"providers": providers}) as gateway:
        yield gateway


def memory(pid: int) -> int:
    """Resident, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) // 1024


def seen(gateway: Gateway, crowd: Crowd, what: str, began: float) -> None:
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{what}: {len(crowd.held)} streams at the upstream after {time.monotonic() - began:.1f} s, "
        f"Envoy {memory(gateway.envoy_pid)} MiB, processor {memory(gateway.processor_pid)} MiB (the test {pages} MiB)"
    )


async def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {what}"
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def several(port: int) -> AsyncIterator[list[Http2]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connected(port)) for _ in range(CONNECTIONS)]


async def by_http2(gateway: Gateway, crowd: Crowd, meanwhile: Callable[[], Awaitable[None]]) -> None:
    began = time.monotonic()
    async with several(gateway.port) as clients:
        for asked in range(0, CROWD, AT_A_TIME):
            for place in range(AT_A_TIME):
                clients[place % CONNECTIONS].send("POST", CHAT, JSON, ASKED)
            expected = asked + AT_A_TIME
            await until(lambda: sum(len(one.data) for one in clients) >= expected, f"{expected} first events")  # noqa: B023
        seen(gateway, crowd, "HTTP/2", began)
        await meanwhile()
        crowd.say(END)
        await until(lambda: sum(len(one.ended) for one in clients) >= CROWD, "all ends")
        assert all(one.is_ok(stream) for one in clients for stream in one.ended)
        assert [one.reset for one in clients] == [{}] * CONNECTIONS
        print(f"HTTP/2: all ended after {time.monotonic() - began:.1f} s")


async def by_http1(gateway: Gateway, crowd: Crowd, meanwhile: Callable[[], Awaitable[None]]) -> None:
    began = time.monotonic()
    listeners = Listeners()
    for asked in range(0, CROWD, AT_A_TIME):
        await listeners.join(gateway.port, AT_A_TIME)
        expected = asked + AT_A_TIME
        await until(lambda: listeners.began >= expected, f"{expected} first events")  # noqa: B023
    seen(gateway, crowd, "HTTP/1.1", began)
    await meanwhile()
    crowd.say(END)
    await until(lambda: listeners.ended >= CROWD, "all ends")
    assert listeners.lost == 0
    listeners.leave()
    print(f"HTTP/1.1: all ended after {time.monotonic() - began:.1f} s")


@pytest.mark.parametrize("way", [by_http2, by_http1])
def test_five_thousand_streams_are_open_at_once(
    gateway: Gateway, crowd: Crowd, way: Callable[[Gateway, Crowd, Callable[[], Awaitable[None]]], Awaitable[None]]
) -> None:
    """Each begins, a stranger to all is answered among them, none holds a stream of the processor, each ends whole."""
    before = (gateway.envoy_pid, gateway.processor_pid)

    async def others_are_served() -> None:
        assert len(crowd.held) >= CROWD
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            answer = await client.post(gateway.url + CHAT, json=body("small"))
        assert answer.status_code == 200, answer.text
        for stream in ("router", "attempt"):
            assert gateway.metric("extproc_streams_open", filter=stream) == 0

    asyncio.run(way(gateway, crowd, others_are_served))
    assert (gateway.envoy_pid, gateway.processor_pid) == before
    assert gateway.is_ready()
    assert gateway.metric("extproc_bugs_total") == 0
