"""A keeper and its workers beside somebody else's Envoy: they carry load, are renewed, and know the same."""

import os
import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.envoy.demo import CHAT, body
from tests.envoy.keeper import Keeper, keeping
from tests.envoy.load import Load, answering, providers
from tests.envoy.processes import eventually
from tests.envoy.upstream import Upstream, always, scripted, whole

BROKEN = whole(b'{"error":{"message":"out of order"}}', 500)
THRESHOLD = 3


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with scripted(answering) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def failing() -> Iterator[Upstream]:
    with scripted(always(BROKEN)) as failing:
        yield failing


@pytest.fixture(scope="module")
def keeper(upstream: Upstream, failing: Upstream) -> Iterator[Keeper]:
    broken = {
        "dialect": "openai",
        "base_url": f"{failing.origin}/v1",
        "models": ["b"],
        "circuit_breaker": {"failure_threshold": THRESHOLD, "timeout": "60s"},
    }
    with keeping({"providers": {**providers(upstream.origin), "broken": broken}}) as keeper:
        yield keeper


def ask(keeper: Keeper, model: str = "m") -> httpx.Response:
    return httpx.post(keeper.url + CHAT, json=body(model), trust_env=False, timeout=10)


def shut(keeper: Keeper) -> None:
    """What all of them know in the end."""
    for _ in range(THRESHOLD):
        ask(keeper, "b")
    eventually(lambda: keeper.metric("extproc_breaker_state") == 2, "a shut breaker")
    eventually(lambda: [ask(keeper, "b").status_code for _ in range(4)] == [503] * 4, "refusals")


def test_all_workers_are_told_of_and_what_they_count_adds_up(keeper: Keeper) -> None:
    assert len(keeper.pids()) == 2
    before = keeper.metric("extproc_exchanges_total")
    assert [ask(keeper).status_code for _ in range(20)] == [200] * 20
    eventually(lambda: keeper.metric("extproc_exchanges_total") == before + 20, "20 exchanges, each counted once")
    assert keeper.metric("extproc_decision_seconds_count") >= 20


def test_what_one_worker_learns_all_know(keeper: Keeper, failing: Upstream) -> None:
    """Envoy's two filters and its log go to whichever worker: a breaker opens for all of them at once."""
    shut(keeper)
    tried = len(failing.asked)
    assert [ask(keeper, "b").status_code for _ in range(12)] == [503] * 12
    assert len(failing.asked) == tried
    assert keeper.get("/observations").json()["targets"]["broken/b"]["breaker"] == "shut"


def test_renewed_workers_fail_nobody_and_forget_nothing(keeper: Keeper) -> None:
    shut(keeper)
    counted = keeper.metric("extproc_exchanges_total")
    with Load(keeper.url) as load:
        for _ in range(2):
            keeper.renew()
            assert keeper.metric("extproc_exchanges_total") >= counted, "a count went back"
            counted = keeper.metric("extproc_exchanges_total")
            load.more()
    print(f"2 renewals: {load.answers.told()}")
    assert load.answers.all_failed == 0, load.answers.told()
    assert ask(keeper, "b").status_code == 503, "what was known of the broken one is known to who never saw it"


def test_counts_outlive_a_killed_worker(keeper: Keeper) -> None:
    for _ in range(4):
        ask(keeper)
    counted = keeper.metric("extproc_exchanges_total")
    before = keeper.pids()
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: keeper.pids()[:1] != before[:1] and len(keeper.pids()) == 2, "another worker", 20)
    eventually(lambda: ask(keeper).status_code == 200, "an answer")
    assert keeper.metric("extproc_exchanges_total") >= counted
