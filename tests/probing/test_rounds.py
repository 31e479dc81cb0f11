"""A provider's rounds: its endpoints together, its sleep, its pauses."""

import asyncio
import json
import logging
from dataclasses import replace

import pytest

from extproc.decision.health import ASLEEP
from extproc.decision.plan import STALE_AFTER, Measure
from extproc.probing.provider import ProbedProvider
from extproc.snapshot import ClusterSpec, HealthSpec
from tests.envoy.gateway import free_port
from tests.probing import server
from tests.probing.scene import PATIENCE, Scene, cluster, until
from tests.probing.server import page, serving


def stats(queue: float, speed: float, latency: float) -> bytes:
    said = {"queue_depth": queue, "tokens_per_second": speed, "latency_p95_ms": latency}
    return page(body=json.dumps(said).encode())


async def rounds(probed: ProbedProvider, count: int) -> None:
    for _ in range(count):
        await probed.round()


async def test_a_provider_serves_while_one_endpoint_does() -> None:
    scene = Scene()
    async with (
        serving({"/health": page(), "/stats": stats(2, 100, 500)}) as first,
        serving({"/health": page(), "/stats": stats(6, 50, 900)}) as second,
    ):
        gone = free_port()
        probed = scene.provider(cluster(first.port, second.port, gone))
        await rounds(probed, 3)
        view = probed.view
        assert view.health == "serving"
        assert view.health_why == (
            f"1 of 3 endpoints shut: 127.0.0.1:{gone}: 3 probes in a row failed: connection refused"
        )
        assert view.queue_depth == Measure(4.0, scene.time, 2), "the mean"
        assert view.tokens_per_second == Measure(150.0, scene.time, 2), "together"
        assert view.latency_p95 == Measure(0.9, scene.time, 2), "the worst"
        second.pages["/health"] = page(503)
        await rounds(probed, 3)
        assert probed.view.health == "serving" and probed.view.queue_depth == Measure(2.0, scene.time, 1)
        first.pages["/health"] = server.reset
        await rounds(probed, 3)
        assert probed.view.health == "shut" and probed.view.health_why.startswith("all 3 endpoints: 127.0.0.1:")
        assert probed.view.queue_depth is None
        first.pages["/health"] = page()
        await probed.round()
        assert probed.view.health == "probing"
        await probed.round()
        assert probed.view.health == "serving"
    assert scene.probes.count(("west", True)) + scene.probes.count(("west", False)) == len(scene.probes) == 11 * 3


async def test_what_was_said_long_ago_is_not_said_any_more() -> None:
    scene = Scene()
    async with serving({"/health": page(), "/stats": stats(2, 100, 500)}) as answering:
        probed = scene.provider(cluster(answering.port))
        await probed.round()
        answering.pages["/stats"] = page(500)
        scene.time += STALE_AFTER
        await probed.round()
        assert probed.view.queue_depth == Measure(2.0, 1000.0)
        scene.time += 1
        await probed.round()
        assert probed.view.queue_depth is None


SLEEPER = ClusterSpec(1, wake_up=60.0, sleeps_after=300.0)


async def test_who_is_asleep_is_not_probed_and_not_shut_by_it() -> None:
    scene = Scene()
    async with serving({"/health": page(503)}) as answering:
        probed = scene.provider(cluster(answering.port, by_the_hour=SLEEPER))
        await rounds(probed, 5)
        assert (answering.asked, scene.probes) == ([], [])
        assert (probed.view.health, probed.view.health_why) == ("unknown", ASLEEP)


async def test_while_it_wakes_its_silence_says_nothing() -> None:
    scene = Scene()
    async with serving({"/health": page(503)}) as answering:
        probed = scene.provider(cluster(answering.port, by_the_hour=SLEEPER))
        await probed.round()
        scene.used["west"] = scene.time
        for _ in range(5):
            await probed.round()
            scene.time += 11
        assert len(answering.asked) == 5 and probed.view.health == "unknown"
        answering.pages["/health"] = page()
        await probed.round()
        assert probed.view.health == "serving"
        answering.pages["/health"] = page(503)
        scene.time += 60
        await rounds(probed, 3)
        assert probed.view.health == "shut"


async def test_who_is_shut_when_it_falls_asleep_may_be_used_again() -> None:
    """Else nobody would use it, nothing would wake it, and it would be shut for good."""
    scene = Scene(used={"west": 1000.0})
    async with serving({"/health": page(503)}) as answering:
        probed = scene.provider(cluster(answering.port, by_the_hour=SLEEPER))
        await rounds(probed, 3)
        assert probed.view.health == "shut"
        scene.time += 301
        await probed.round()
        assert (probed.view.health, probed.view.health_why) == ("unknown", ASLEEP)


async def test_rounds_come_a_little_before_their_time_and_never_without_a_pause() -> None:
    scene = Scene()
    async with serving({"/health": page()}) as answering:
        probed = scene.provider(cluster(answering.port, health=HealthSpec(interval=30.0, timeout=PATIENCE)))
        running = asyncio.ensure_future(probed.run())
        for count in (1, 2, 3):
            await until(lambda count=count: len(scene.slept) == count)  # type: ignore[misc]
            scene.ticks.set()
        await until(lambda: len(scene.slept) == 4)
        running.cancel()
    assert scene.slept == [0.5, 28.5, 28.5, 28.5]
    assert answering.paths.count("/health") == 3


async def test_a_bug_of_ours_ends_no_probing(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()
    async with serving({"/health": page()}) as answering:
        probed = scene.provider(cluster(answering.port))
        probed.endpoints[0]._shown = lambda provider, path: 1 / 0  # type: ignore[assignment, return-value]
        running = asyncio.ensure_future(probed.run())
        for count in (1, 2):
            await until(lambda count=count: len(scene.slept) == count)  # type: ignore[misc]
            scene.ticks.set()
        await until(lambda: len(scene.slept) == 3)
        assert not running.done()
        running.cancel()
    assert "an error of ours" in caplog.text


async def test_what_changes_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "extproc.probing")
    async with serving({"/health": page()}) as answering:
        probed = Scene().provider(cluster(answering.port))
        await rounds(probed, 2)
        answering.pages["/health"] = page(503)
        await rounds(probed, 5)
        answering.pages["/health"] = page()
        await rounds(probed, 3)
    said = [record.getMessage() for record in caplog.records if record.name == "extproc.probing"]
    assert said == [
        "provider west is serving",
        "provider west is shut: 3 probes in a row failed: answers 503",
        "provider west is probing: 1 of the 2 good probes in a row that open it again",
        "provider west is serving",
    ]


async def test_a_pool_is_probed_at_the_same_time_and_not_without_a_bound() -> None:
    async with serving({"/health": server.hang}) as answering:
        scene = Scene()
        pool = replace(cluster(*[answering.port] * 6), health=HealthSpec(timeout=PATIENCE))
        probed = ProbedProvider(pool, scene.endpoints(pool), scene.tools, asyncio.Semaphore(4))
        running = asyncio.ensure_future(probed.round())
        await until(lambda: len(answering.asked) == 4)
        await asyncio.sleep(PATIENCE / 3)
        assert len(answering.asked) == 4
        await asyncio.wait_for(running, 5)
        assert len(answering.asked) == 6
