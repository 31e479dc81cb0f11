"""Who is probed, from snapshot to snapshot."""

import asyncio
from dataclasses import replace

from extproc.outcome.probed import ProbeView
from extproc.probing.board import Probing, connecting
from extproc.snapshot import BreakerSpec, HealthSpec, Model
from tests.probing import server
from tests.probing.scene import Scene, cluster, configured, until
from tests.probing.server import page, serving


def board(scene: Scene) -> Probing:
    return Probing(scene.tools, scene.shown, connecting("/nowhere", scene.keys.get))


async def test_only_who_asks_for_it_is_probed_and_nobody_behind_the_end() -> None:
    scene = Scene()
    async with serving({"/health": page()}) as answering, serving({"/health": page()}) as hosted:
        probing = board(scene)
        probing.use(configured(cluster(answering.port), cluster(hosted.port, name="hosted", health=None)))
        assert probing.seen("hosted") is None and probing.seen("nobody") is None
        assert probing.seen("west") == ProbeView()
        scene.ticks.set()
        await until(lambda: probing.states() == {"west": "serving"})
        await probing.stop()
        assert probing.states() == {} and probing.seen("west") is None
        assert hosted.asked == []
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("probes of")]


async def test_who_stays_as_it_is_keeps_what_is_known_of_it() -> None:
    scene = Scene()
    async with serving({"/health": page()}) as answering:
        probing = board(scene)
        first = cluster(answering.port)
        probing.use(configured(first))
        scene.ticks.set()
        await until(lambda: probing.states() == {"west": "serving"})
        kept = probing.probed("west")
        probing.use(configured(replace(first, models=(Model("m"),), breaker=BreakerSpec(1)), cluster(1, name="new")))
        assert probing.probed("west") is kept and probing.states() == {"west": "serving", "new": "unknown"}
        probing.use(configured(replace(first, health=HealthSpec(interval=5))))
        assert probing.probed("west") is not kept and probing.states() == {"west": "unknown"}
        kept = probing.probed("west")
        probing.use(configured(replace(first, health=HealthSpec(interval=5), cluster="west.2")))
        assert probing.probed("west") is not kept, "the key of its old cluster's name goes away"
        probing.use(configured(replace(first, health=None)))
        assert probing.states() == {}
        await probing.stop()


async def test_the_end_waits_for_no_answer() -> None:
    scene = Scene()
    async with serving({"/health": server.hang}) as answering:
        probing = board(scene)
        probing.use(configured(cluster(answering.port, health=HealthSpec(timeout=30))))
        scene.ticks.set()
        await until(lambda: bool(answering.asked))
        await asyncio.wait_for(probing.stop(), 1)
        await probing.stop()
