"""Several workers of one gateway: they carry load together, are renewed unnoticed, and die without more than their own."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.envoy.gateway import Gateway, running
from tests.envoy.load import Load, answering, providers
from tests.envoy.processes import eventually
from tests.envoy.upstream import Upstream, scripted

RENEWALS = 3
KILLS = 3


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with scripted(answering) as upstream:
        yield upstream


def pids(gateway: Gateway) -> list[int]:
    return [int(one["pid"]) for one in gateway.status()["processors"]]


def renew(gateway: Gateway, before: list[int]) -> None:
    assert gateway.process is not None
    gateway.process.send_signal(signal.SIGHUP)
    eventually(lambda: not set(pids(gateway)) & set(before) and len(pids(gateway)) == len(before), "new workers", 60)


@pytest.mark.parametrize("workers", [1, 2])
def test_renewed_workers_fail_nobody(upstream: Upstream, workers: int) -> None:
    with running({"providers": providers(upstream.origin)}, "--workers", str(workers)) as gateway:
        with Load(gateway.url) as load:
            for _ in range(RENEWALS):
                renew(gateway, pids(gateway))
                load.more()
        print(f"{workers} workers, {RENEWALS} renewals: {load.answers.told()}")
    assert load.answers.all_failed == 0, load.answers.told()


def test_a_killed_worker_takes_only_what_it_attended(upstream: Upstream) -> None:
    with running({"providers": providers(upstream.origin)}, "--workers", "2") as gateway:
        with Load(gateway.url) as load:
            for turn in range(KILLS):
                before = pids(gateway)
                os.kill(before[turn % 2], signal.SIGKILL)
                eventually(lambda: len(pids(gateway)) == 2 and pids(gateway) != before, "another worker", 30)  # noqa: B023
                load.more()
        print(f"2 workers, {KILLS} kills: {load.answers.told()}")
    assert set(load.answers.failed) <= {"translated", "translated stream"}, load.answers.told()
