"""Three real llama.cpp servers as clusters with prices by the hour: what their own numbers say moves the load."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually
from tests.llama.running import KEY, Llama, llamas_running

SLOTS = {"spot": 1, "plain": 2, "dear": 4}
# Dollars an hour, so far apart that no measured speed turns them round: an idle server looks slow.
PRICES = {"spot": 0.01, "plain": 0.2, "dear": 4}
INTERVAL, THRESHOLD = 0.5, 3
LONG = {"max_tokens": 1500, "ignore_eos": True}  # about a second of a server's time
_numbers = count()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Llama]]:
    with llamas_running(tmp_path_factory.mktemp("clusters"), SLOTS) as made:
        yield made


@pytest.fixture(scope="module")
def gateway(servers: dict[str, Llama]) -> Iterator[Gateway]:
    with running(configuration(servers)) as gateway:
        yield gateway


def configuration(servers: dict[str, Llama]) -> dict[str, Any]:
    health = {"interval": f"{INTERVAL}s", "timeout": "500ms", "failure_threshold": THRESHOLD, "success_threshold": 1}
    return {
        "providers": {
            name: {
                "dialect": "openai",
                "endpoints": [server.origin],
                "credential": KEY,
                "models": [{"name": "one-word", "context": 4096}],
                "cost_per_hour": PRICES[name],
                "tokens_per_second": 1000,
                "health": health,
                "circuit_breaker": {"timeout": "1s"},
            }
            for name, server in servers.items()
        },
        "strategies": {
            "cheap": {"kind": "cluster_first", "max_queue_depth": 1, "max_latency": "600s"},
            "ring": {"kind": "round_robin"},
            "warm": {"kind": "sticky"},
        },
        "routes": [{"match": {"path": "/v1/*"}, "strategy": "cheap"}],
    }


def ask(gateway: Gateway, text: str, strategy: str = "cheap", turns: tuple[str, ...] = (), **more: Any) -> str:
    """Who answered."""
    messages = [{"role": "user", "content": text}]
    for turn in turns:
        messages += [{"role": "assistant", "content": "uncopyrightable"}, {"role": "user", "content": turn}]
    answer = httpx.post(
        gateway.url + CHAT,
        json={"model": "one-word", "messages": messages, "temperature": 0, **more},
        headers={names.STRATEGY: strategy},
        trust_env=False,
        timeout=120,
    )
    assert answer.status_code == 200, answer.text
    return answer.headers[names.TARGET].partition("/")[0]


def states(gateway: Gateway) -> dict[str, Any]:
    return dict(httpx.get(f"{gateway.admin}/health/providers", trust_env=False).json())


def fresh() -> str:
    return f"say the word, number {next(_numbers)}"


def test_the_cheapest_hour_is_first_and_what_it_knows_is_told(gateway: Gateway, servers: dict[str, Llama]) -> None:
    eventually(lambda: all(one["status"] == "healthy" for one in states(gateway).values()), "good health of all", 10)
    assert [ask(gateway, fresh()) for _ in range(5)] == ["spot"] * 5


def test_load_moves_as_queues_grow_and_comes_back(gateway: Gateway, servers: dict[str, Llama]) -> None:
    answered: Counter[str] = Counter()
    lock = threading.Lock()

    def one() -> None:
        who = ask(gateway, fresh(), **LONG)
        with lock:
            answered[who] += 1

    with ThreadPoolExecutor(40) as crowd:
        for _ in range(40):
            crowd.submit(one)
            time.sleep(0.1)  # they come faster than one server answers
    print("answered under load:", dict(answered))
    assert sum(answered.values()) == 40 and answered["spot"] > 0
    assert answered["plain"] + answered["dear"] >= 8, "nothing moved while the queue grew"
    assert answered["plain"] >= answered["dear"] or answered["dear"] <= 20, "the dearest is the last to be asked"
    eventually(lambda: servers["spot"].number("requests_processing") == 0, "an empty queue", 30)
    eventually(lambda: ask(gateway, fresh()) == "spot", "the cheapest again", 10)


def test_a_killed_one_is_left_and_comes_back(gateway: Gateway, servers: dict[str, Llama]) -> None:
    spot = servers["spot"]
    spot.kill()
    killed = time.monotonic()
    try:
        during = Counter(ask(gateway, fresh()) for _ in range(5))
        assert "spot" not in during, "an answer of the dead"
        eventually(lambda: states(gateway)["spot"]["status"] == "unhealthy", "news of the death", 10)
        took = time.monotonic() - killed
        assert took < INTERVAL * (THRESHOLD + 2) + 2, f"it took {took:.1f} s"
        assert states(gateway)["plain"]["status"] == "healthy"
    finally:
        spot.start()
    eventually(lambda: states(gateway)["spot"]["status"] != "unhealthy", "its recovery", 20)
    eventually(lambda: ask(gateway, fresh()) == "spot", "traffic for it again", 20)
    eventually(lambda: states(gateway)["spot"]["status"] == "healthy", "good health", 10)
    print("left while dead:", dict(during))


def test_sticky_prompts_hit_the_prefix_cache(gateway: Gateway, servers: dict[str, Llama]) -> None:
    """Eleven conversations of four turns (so that a ring of three never falls into step with them): by turns, then each
    at the server that its beginning means."""
    ring, _ = cached_share(gateway, servers, "ring")
    warm, targets = cached_share(gateway, servers, "warm")
    print(f"prompt tokens from the caches: {ring:.0%} in a ring, {warm:.0%} sticky")
    assert all(len(asked) == 1 for asked in targets.values()), "a conversation wandered"
    assert len(set().union(*targets.values())) > 1, "all conversations are at one server"
    assert warm > ring + 0.15


def cached_share(gateway: Gateway, servers: dict[str, Llama], strategy: str) -> tuple[float, dict[int, set[str]]]:
    before = totals(servers)
    targets: dict[int, set[str]] = {}
    beginnings = [f"{strategy} conversation {number}: " + f"{number} tells a long story. " * 20 for number in range(11)]
    for turn in range(4):
        for number, beginning in enumerate(beginnings):
            turns = tuple(f"and then, {step}?" for step in range(turn))
            targets.setdefault(number, set()).add(ask(gateway, beginning, strategy, turns, max_tokens=8))
    read, cached = (after - earlier for after, earlier in zip(totals(servers), before, strict=True))
    return cached / (read + cached), targets


def totals(servers: dict[str, Llama]) -> tuple[float, float]:
    """(prompt tokens that were computed, those that were cached), of all servers."""
    names_ = ("prompt_tokens_total", "prompt_tokens_cached_total")
    read, cached = (sum(server.number(name) for server in servers.values()) for name in names_)
    return read, cached
