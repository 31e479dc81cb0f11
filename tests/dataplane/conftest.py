"""One Envoy for each file of live tests, cleared between tests."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from extproc.snapshot import Credential, Endpoint, FailoverSpec, PathMatch
from tests.dataplane.envoy import eventually, running
from tests.dataplane.processor import Processor, serving
from tests.dataplane.snapshots import llm, provider, service, snapshot, to_service
from tests.dataplane.upstream import Upstream, answering
from tests.dataplane.world import BAD, GOOD, NUMBERS, SHUT, World


@pytest.fixture(scope="module")
def running_world() -> Iterator[World]:
    with answering(GOOD, BAD):
        parts = (
            provider("good", GOOD.endpoint),
            provider("bad", BAD.endpoint, credential=Credential("injected", "api-key", "")),
            provider("none", GOOD.endpoint, credential=Credential()),
            provider("shut", SHUT),
            provider("nowhere", Endpoint("http", "nowhere.invalid", 80)),
            service("shop", GOOD.endpoint),
            to_service("shop", PathMatch("glob", "/shop/*")),
            replace(llm(), failover=FailoverSpec(first_event=True)),
        )
        with running(snapshot(*parts)) as envoy, serving(Processor(), envoy.place) as processor:
            eventually(lambda: envoy.ask("GET", "/v1/models", {"x-plan": "good"}).status == 200, within=10)
            yield World(envoy, processor)


@pytest.fixture
def world(running_world: World) -> World:
    fresh = Upstream()
    for upstream in (GOOD, BAD):
        for name in ("status", "headers", "body", "chunks", "pause", "cut", "hang", "first_pause"):
            setattr(upstream, name, getattr(fresh, name))
        upstream.asked.clear()
    stand_in = running_world.processor
    for kept in (stand_in.told, stand_in.routes, stand_in.records, stand_in.errors, stand_in.opened):
        kept.clear()
    stand_in.maps, stand_in.losses = None, {}
    running_world.processor.id = f"exchange-{next(NUMBERS)}"  # records of a test before may still be on their way
    running_world.processor.decision = {}
    running_world.processor.refuses = None
    running_world.processor.holds = 0.0
    return running_world
