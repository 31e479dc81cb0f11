"""Several workers of one gateway: renewed unnoticed, and killed at the price of what they had in hand."""

import os
import signal
import socket
from collections.abc import Iterator

import pytest

from tests.envoy.gateway import Gateway, running
from tests.envoy.load import CLIENTS, Load, answering, providers
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
    """Attended streams break off with it. Whatever it was deciding in that moment is a 503; all else is answered."""
    with running({"providers": providers(upstream.origin)}, "--workers", "2") as gateway:
        with Load(gateway.url) as load:
            for turn in range(KILLS):
                kill(gateway, turn % 2)
                load.more()
        print(f"2 workers, {KILLS} kills: {load.answers.told()}")
    broken = load.answers.failed.pop("translated stream", [])
    deciding = [said for failed in load.answers.failed.values() for said in failed]
    assert len(broken) <= KILLS * CLIENTS, load.answers.told()
    assert len(deciding) <= KILLS * CLIENTS and all("processor_unavailable" in said for said in deciding)


def kill(gateway: Gateway, number: int) -> None:
    before = pids(gateway)
    os.kill(before[number], signal.SIGKILL)
    eventually(lambda: pids(gateway) != before and listens(gateway, number), "another worker that listens", 30)


def listens(gateway: Gateway, number: int) -> bool:
    (run,) = gateway.runs.iterdir()
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(run / f"p{number}.sock")) == 0
