"""Probes of a real llama.cpp server: its own health, its own metrics, and its end."""

from dataclasses import replace

from extproc.probing.endpoint import ProbedEndpoint
from extproc.snapshot import Credential, HealthSpec
from tests.llama.running import KEY, Llama
from tests.probing.scene import Scene, cluster


def probed(server: Llama, scene: Scene) -> ProbedEndpoint:
    spec = HealthSpec(timeout=10, failure_threshold=2)
    return scene.endpoint(replace(cluster(server.port, health=spec), credential=Credential("injected")))


async def test_it_is_well_tells_its_numbers_and_is_missed_when_it_is_gone(server: Llama) -> None:
    scene = Scene(keys={"credential.west": KEY.encode()})
    endpoint = probed(server, scene)
    assert await endpoint.probe(), endpoint.health.why
    assert (endpoint.health.state, endpoint.health.why) == ("serving", "")
    assert endpoint.queue_depth is not None and endpoint.queue_depth.value == 0
    assert endpoint.tokens_per_second is None, "it has said nothing yet"
    server.complete()
    scene.time += 5
    assert await endpoint.probe()
    assert endpoint.tokens_per_second is not None and endpoint.tokens_per_second.value > 0
    nobody = probed(server, Scene())
    assert await nobody.probe() and nobody.queue_depth is None, "its metrics are for who has its key"
    server.process.terminate()
    server.process.wait(20)
    assert not await endpoint.probe() and endpoint.health.state == "serving"
    assert not await endpoint.probe() and endpoint.health.state == "shut"
    assert endpoint.health.why == "2 probes in a row failed: connection refused"
