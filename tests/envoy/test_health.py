"""Clusters that are probed, through the real gateway: one that is not well is left, and it comes back."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, free_port, running
from tests.envoy.processes import eventually
from tests.envoy.upstream import Asked, Upstream, scripted, whole

INTERVAL = 0.3
THRESHOLD = 2
KEY = "key-of-west"
STATS = {"queue_depth": 2, "tokens_per_second": 90, "latency_p95_ms": 400}
ANSWER = b'{"id":"1","object":"chat.completion","model":"m","choices":[],"usage":null}'


@dataclass
class West:
    """A cluster whose health a test decides. What it is asked by probes is kept apart."""

    health: int = 200
    probes: list[Asked] = field(default_factory=list)
    calls: list[Asked] = field(default_factory=list)

    async def play(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.method != "GET":
            self.calls.append(asked)
            writer.write(whole(ANSWER, 200, "application/json"))
        else:
            self.probes.append(asked)
            if asked.path == "/health":
                writer.write(whole(b"{}", self.health, "application/json"))
            elif asked.path == "/stats":
                writer.write(whole(json.dumps(STATS).encode(), 200, "application/json"))
            else:
                writer.write(whole(b"no", 404, "text/plain"))
        await writer.drain()


@pytest.fixture(scope="module")
def west() -> West:
    return West()


@pytest.fixture(scope="module")
def upstream(west: West) -> Iterator[Upstream]:
    with scripted(west.play) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def config(upstream: Upstream, demos: dict[str, Demo]) -> dict[str, Any]:
    times = {"interval": f"{INTERVAL}s", "timeout": f"{INTERVAL}s"}
    health = {**times, "failure_threshold": THRESHOLD, "success_threshold": 2}
    gone = f"http://127.0.0.1:{free_port()}"
    return {
        "providers": {
            "west": {
                "dialect": "openai",
                "endpoints": [upstream.origin],
                "credential": KEY,
                "cost_per_hour": 0.9,
                "models": ["m"],
                "health": health,
            },
            "gone": {"dialect": "openai", "endpoints": [gone], "models": ["nothing"], "health": health},
            "lab": demos["lab"].configured(),
        },
        "services": {"own": {"endpoints": [upstream.origin]}},
        "aliases": {"both": ["west/m", "lab/m"], "alone": ["gone/nothing"]},
    }


@pytest.fixture(scope="module")
def gateway(config: dict[str, Any]) -> Iterator[Gateway]:
    with running(config) as gateway:
        yield gateway


def told(gateway: Gateway, path: str = "/health/providers") -> dict[str, Any]:
    return dict(httpx.get(gateway.admin + path, timeout=5, trust_env=False).json())


def state(gateway: Gateway, name: str = "west") -> str:
    return str(told(gateway)[name]["state"])


def answered_by(gateway: Gateway, model: str = "both") -> str:
    answer = httpx.post(gateway.url + CHAT, json=body(model), trust_env=False, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.headers[names.TARGET]


def test_one_that_is_not_well_is_left_and_comes_back(gateway: Gateway, west: West) -> None:
    eventually(lambda: state(gateway) == "serving", "the first good probe")
    assert answered_by(gateway) == "west/m"
    west.health = 503
    eventually(lambda: state(gateway) == "shut", "west to be shut", INTERVAL * THRESHOLD + 3)
    one = told(gateway)["west"]
    assert (one["status"], one["reason"]) == ("unhealthy", f"{THRESHOLD} probes in a row failed: answers 503") or (
        one["reason"].endswith("probes in a row failed: answers 503")
    )
    calls = len(west.calls)
    assert [answered_by(gateway) for _ in range(3)] == ["lab/m"] * 3
    assert len(west.calls) == calls, "nothing is sent to who is shut"
    eventually(lambda: gateway.metric("extproc_probes_total", provider="west", result="failure") >= THRESHOLD, "count")
    assert 'extproc_provider_health{provider="west"} 0.0' in gateway.metrics()
    west.health = 200
    eventually(lambda: state(gateway) == "serving", "west to open again")
    assert answered_by(gateway) == "west/m"
    eventually(lambda: 'extproc_provider_health{provider="west"} 1.0' in gateway.metrics(), "the metric")


def test_who_is_alone_and_shut_is_refused_at_once(gateway: Gateway) -> None:
    eventually(lambda: state(gateway, "gone") == "shut", "the one that is not there to be shut")
    answer = httpx.post(gateway.url + CHAT, json=body("alone"), trust_env=False, timeout=20)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_target_available")
    assert answer.headers["retry-after"] == "1"
    assert answer.headers.get(names.ATTEMPTS, "0") == "0"


def test_probes_show_the_credential_and_count_as_no_attempts(gateway: Gateway, west: West) -> None:
    eventually(lambda: state(gateway) == "serving", "west to serve")
    west.calls.clear()
    before = gateway.metric("extproc_attempts_total", provider="west")
    seen = len(west.probes)
    eventually(lambda: len(west.probes) > seen + 4, "more probes")
    assert {asked.path for asked in west.probes[seen:]} == {"/health", "/stats"}
    assert {asked.headers["authorization"] for asked in west.probes[seen:]} == {f"Bearer {KEY}"}
    assert gateway.metric("extproc_attempts_total", provider="west") == before and west.calls == []
    one = told(gateway)["west"]
    assert (one["queue_depth"], one["tokens_per_second"], one["latency_p95_ms"]) == (2.0, 90.0, 400.0)
    assert "endpoints" not in told(gateway)["lab"], "nobody probes who did not ask for it"


def test_callers_are_told_less_than_operators(gateway: Gateway, upstream: Upstream) -> None:
    eventually(lambda: state(gateway) == "serving", "west to serve")
    for path in ("/health/providers", "/v1/health/providers"):
        answer = httpx.get(gateway.url + path, trust_env=False)
        assert answer.status_code == 200 and set(answer.json()) == {"west", "gone", "lab"}
        assert answer.json()["west"]["status"] == "healthy" and str(upstream.port) not in answer.text
    health = httpx.get(f"{gateway.url}/health", trust_env=False)
    counts = ("healthy_clusters", "total_clusters", "total_providers")
    assert health.status_code == 200 and [health.json()[count] for count in counts] == [1, 1, 2]
    assert set(told(gateway, "/health")) == set(health.json())
    ready = httpx.get(f"{gateway.url}/ready", trust_env=False)
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert told(gateway, "/ready")["status"] == "ready"


def test_a_page_of_the_operators_own_goes_first_and_the_rest_stays(
    gateway: Gateway, config: dict[str, Any], west: West
) -> None:
    eventually(lambda: state(gateway) == "serving", "west to serve")
    routes = [{"match": {"path": "/health"}, "service": "own"}, {"match": {"path": "/v1/*"}}]
    gateway.reload({**config, "routes": routes})
    assert state(gateway) == "serving", "a reload that leaves it as it is forgets nothing of it"
    seen = len([one for one in west.probes if "authorization" not in one.headers])
    assert httpx.get(f"{gateway.url}/health", trust_env=False).text == "{}"
    assert len([one for one in west.probes if "authorization" not in one.headers]) == seen + 1
    assert httpx.get(f"{gateway.url}/health/providers", trust_env=False).status_code == 200
    unprobed = {**config, "providers": {**config["providers"], "west": {**config["providers"]["west"]}}}
    del unprobed["providers"]["west"]["health"], unprobed["providers"]["west"]["cost_per_hour"]
    gateway.reload(unprobed)
    assert "endpoints" not in told(gateway)["west"]
    seen = len(west.probes)
    with pytest.raises(AssertionError):
        eventually(lambda: len(west.probes) > seen, "a probe", INTERVAL * 4)
    gateway.reload(config)


def test_strangers_are_told_nothing(config: dict[str, Any]) -> None:
    callers = [{"name": "ci", "key": "gw-ci", "providers": ["lab"]}]
    with running({**config, "callers": callers}) as gateway:
        for path in ("/health", "/health/providers", "/ready"):
            assert httpx.get(gateway.url + path, trust_env=False).status_code == 401
        headers = {"authorization": "Bearer gw-ci"}
        seen = httpx.get(f"{gateway.url}/health/providers", headers=headers, trust_env=False)
        assert set(seen.json()) == {"lab"}


def test_the_end_leaves_nothing_behind(config: dict[str, Any], tmp_path: Path) -> None:
    """`running` asserts that the gateway ends well and that no process is left, while a probe hangs."""
    with scripted(_never) as silent:
        health = {"interval": "20s", "timeout": "20s"}
        slow = {**config["providers"]["west"], "endpoints": [silent.origin], "health": health}
        with running({"providers": {"west": slow}}) as gateway:
            eventually(lambda: bool(silent.asked), "a probe")
            assert gateway.status()["status"] == "ready"


async def _never(asked: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)
