"""The pages about health, from what probes and attempts left behind."""

import json
from dataclasses import replace

from extproc.app.health import FOR_CALLERS, TOLD_AGAIN, HealthPages
from extproc.decision.breaker import Breaker
from extproc.decision.plan import Measure, Observation, Observations
from extproc.exchange.shelf import Shelf
from extproc.facts.request import CallerFacts
from extproc.outcome.board import Board
from extproc.outcome.breakers import Breakers
from extproc.probing.board import Probing, connecting
from extproc.snapshot import ClusterSpec, HealthSpec, Model, Provider, Snapshot
from tests.probing import server
from tests.probing.scene import Scene, cluster, configured, until
from tests.probing.server import page, serving

STATS = page(body=json.dumps({"queue_depth": 3, "tokens_per_second": 120, "latency_p95_ms": 850}).encode())
BY_THE_HOUR = ClusterSpec(1)


def hosted(name: str, **more: object) -> Provider:
    listed = (Model("m"), Model("n"), Model("g-*"))
    return replace(cluster(443, name=name), health=None, models=listed, lists_models=True, **more)  # type: ignore[arg-type]


class Desk:
    """Pages over one snapshot, with what attempts saw."""

    def __init__(self, scene: Scene, snapshot: Snapshot) -> None:
        self.seen: dict[str, Observation] = {}
        self.probing = Probing(scene.tools, scene.shown, connecting(None, lambda _: None))
        self.probing.use(snapshot)
        self.draining = False
        self.pages = HealthPages(
            Shelf(snapshot),
            lambda snapshot: Observations(self.seen),
            self.probing,
            scene.now,
            lambda: 1_705_314_600.9,
            lambda: self.draining,
        )


async def test_nothing_is_known_and_so_everything_is_healthy() -> None:
    desk = Desk(Scene(), configured(hosted("openai")))
    assert desk.pages.providers() == {
        "openai": {
            "status": "healthy",
            "state": "unknown",
            "reason": "",
            "latency_ms": None,
            "error_rate": None,
            "targets": {},
        }
    }
    assert desk.pages.health() == {
        "status": "healthy",
        "healthy_clusters": 0,
        "total_clusters": 0,
        "healthy_providers": 1,
        "total_providers": 1,
        "timestamp": "2024-01-15T10:30:00Z",
    }


async def test_what_attempts_saw_is_the_providers_latency_and_errors() -> None:
    scene = Scene()
    desk = Desk(scene, configured(hosted("openai")))
    now = scene.time
    desk.seen["openai/m"] = Observation(errors=Measure(0.5, now), first_token={0: Measure(0.2, now)})
    desk.seen["openai/g-1"] = Observation(errors=Measure(0.0, now), first_token={1: Measure(0.4, now)})
    desk.seen["openai/n"] = Observation("shut", now + 41.2, why="5 failures in a row", errors=Measure(1.0, now - 601))
    told = desk.pages.providers()["openai"]
    assert (told["status"], told["state"], told["latency_ms"], told["error_rate"]) == (
        "healthy",
        "serving",
        300.0,
        0.25,
    )
    assert told["targets"]["n"] == {
        "state": "shut",
        "reason": "5 failures in a row",
        "breaker": "shut",
        "reopens_in_seconds": 42,
        "error_rate": None,
    }
    assert set(told["targets"]) == {"m", "n", "g-1"}


async def test_many_who_ask_at_once_cost_one_look() -> None:
    scene = Scene()
    desk = Desk(scene, configured(hosted("openai")))
    first = desk.pages.providers()
    desk.seen["openai/m"] = Observation("shut", scene.time + 9)
    assert desk.pages.providers() == first
    scene.time += TOLD_AGAIN
    assert desk.pages.providers()["openai"]["targets"]["m"]["state"] == "shut"


async def test_a_provider_whose_targets_are_all_shut_is_unhealthy() -> None:
    scene = Scene()
    desk = Desk(scene, configured(hosted("openai"), hosted("other")))
    for model in ("m", "n"):
        desk.seen[f"openai/{model}"] = Observation("shut", scene.time + 9, why="rate limited")
    told = desk.pages.providers()["openai"]
    assert (told["status"], told["state"], told["reason"]) == ("unhealthy", "shut", "rate limited")
    health = desk.pages.health()
    assert (health["status"], health["healthy_providers"], health["total_providers"]) == ("degraded", 1, 2)


async def test_a_cluster_is_what_its_probes_say() -> None:
    scene = Scene()
    async with serving({"/health": page(), "/stats": STATS}) as good, serving({"/health": server.reset}) as bad:
        spec = HealthSpec(timeout=0.3, failure_threshold=1)
        west = cluster(good.port, by_the_hour=BY_THE_HOUR)
        east = cluster(bad.port, name="east", by_the_hour=BY_THE_HOUR, health=spec)
        desk = Desk(scene, configured(west, east, hosted("openai")))
        for name in ("west", "east"):
            probed = desk.probing.probed(name)
            assert probed is not None
            await probed.round()
        scene.time += 2.5
        told = desk.pages.providers()
        health = desk.pages.health()
        await desk.probing.stop()
    assert (told["west"]["status"], told["west"]["state"]) == ("healthy", "serving")
    numbers = ("queue_depth", "tokens_per_second", "latency_p95_ms", "latency_ms")
    assert [told["west"][number] for number in numbers] == [3.0, 120.0, 850.0, 0.0]
    assert told["west"]["endpoints"] == [
        {
            "endpoint": f"127.0.0.1:{good.port}",
            "state": "serving",
            "reason": "",
            "response_time_ms": 0.0,
            "probed_seconds_ago": 2.5,
        }
    ]
    assert (told["east"]["status"], told["east"]["state"]) == ("unhealthy", "shut")
    assert told["east"]["reason"] == "a probe failed: connection reset"
    assert (health["healthy_clusters"], health["total_clusters"], health["status"]) == (1, 2, "degraded")
    assert (health["healthy_providers"], health["total_providers"]) == (1, 1)


async def test_a_caller_sees_its_providers_and_neither_addresses_nor_reasons() -> None:
    scene = Scene()
    async with serving({"/health": page(503)}) as answering:
        desk = Desk(scene, configured(cluster(answering.port), hosted("openai")))
        probed = desk.probing.probed("west")
        assert probed is not None
        await probed.round()
        all_of_it = desk.pages.health_of_providers(CallerFacts())
        assert set(all_of_it) == {"west", "openai"}
        assert all(set(one) <= set(FOR_CALLERS) for one in all_of_it.values())
        assert "127.0.0.1" not in json.dumps(all_of_it)
        assert set(desk.pages.health_of_providers(CallerFacts(providers=("we*",)))) == {"west"}
        await desk.probing.stop()


async def test_none_healthy_is_unhealthy_and_the_end_is_not_ready() -> None:
    scene = Scene()
    async with serving({"/health": page(503)}) as answering:
        desk = Desk(scene, configured(cluster(answering.port, by_the_hour=BY_THE_HOUR)))
        probed = desk.probing.probed("west")
        assert probed is not None
        for _ in range(3):
            await probed.round()
        assert desk.pages.health()["status"] == "unhealthy"
        await desk.probing.stop()
    assert desk.pages.ready() == {"status": "ready"}
    desk.draining = True
    assert desk.pages.ready() == {"status": "draining"}


async def test_what_probes_say_stands_in_the_observations_of_every_model() -> None:
    scene = Scene()
    async with serving({"/health": page(), "/stats": STATS}) as answering:
        snapshot = configured(cluster(answering.port))
        desk, board = Desk(scene, snapshot), Board(Breakers(Breaker))
        board.probed = desk.probing
        board.use(snapshot)
        probed = desk.probing.probed("west")
        assert probed is not None
        await probed.round()
        await until(lambda: board.observations(1000.0, snapshot).targets["west/any"].health == "serving")
        seen = board.observations(1000.0, snapshot)
        assert seen.targets["west/m"].queue_depth == Measure(3.0, 1000.0)
        assert seen.targets.get("openai/m") is None
        await desk.probing.stop()


async def test_a_target_that_requests_may_try_again_is_degraded_and_not_out() -> None:
    desk = Desk(Scene(), configured(hosted("openai")))
    for model in ("m", "n"):
        desk.seen[f"openai/{model}"] = Observation("shut", 1009.0, why="5 failures in a row")
    assert (desk.pages.providers()["openai"]["status"], desk.pages.health()["status"]) == ("unhealthy", "unhealthy")
    trying = Desk(Scene(), configured(hosted("openai")))
    for model in ("m", "n"):
        trying.seen[f"openai/{model}"] = Observation("probing", probes_left=1, why="5 failures in a row")
    assert (trying.pages.providers()["openai"]["status"], trying.pages.health()["status"]) == ("degraded", "degraded")
