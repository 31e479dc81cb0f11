"""What a target cannot be told: on the answer, in the decision log, in the metrics."""

from collections.abc import Iterator

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually
from tests.envoy.upstream import Upstream, always, scripted, whole

FINE = whole(b'{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}')


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with scripted(always(FINE)) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: Upstream) -> Iterator[Gateway]:
    down = {"dialect": "openai", "base_url": "http://127.0.0.1:1/v1"}
    config = {
        "providers": {"up": {"dialect": "openai", "base_url": f"{upstream.origin}/v1"}, "down": down},
        "routes": [{"match": {"headers": {"x-way": "silent"}}, "on_loss": "drop"}, {"match": {"path": "/*"}}],
        "aliases": {"from-thinker": ["down/o3-mini", "up/plain"]},
    }
    with running(config) as started:
        yield started


def ask(gateway: Gateway, model: str, way: str = "") -> httpx.Response:
    asking = {"model": model, "messages": [{"role": "user", "content": "hi"}], "temperature": 0.5, "seed": 1}
    return httpx.post(f"{gateway.url}{CHAT}", json=asking, headers={"x-way": way}, timeout=20, trust_env=False)


def test_what_gets_lost_is_told(gateway: Gateway) -> None:
    answer = ask(gateway, "up/o3-mini")
    assert (answer.status_code, answer.headers[names.LOSSES]) == (200, "temperature")
    assert gateway.decision(answer.headers[names.REQUEST_ID])["losses"] == ["temperature"]

    def counted() -> bool:
        return gateway.metric("extproc_losses_total", provider="up", parameter="temperature") >= 1

    eventually(counted, "the loss is counted")


def test_a_route_may_drop_it_in_silence(gateway: Gateway) -> None:
    """The logs tell it all the same."""
    answer = ask(gateway, "up/o3-mini", "silent")
    assert answer.status_code == 200 and names.LOSSES not in answer.headers
    assert gateway.decision(answer.headers[names.REQUEST_ID])["losses"] == ["temperature"]


def test_an_attempt_that_lost_something_and_failed_is_forgotten(gateway: Gateway) -> None:
    answer = ask(gateway, "from-thinker")
    assert (answer.status_code, answer.headers[names.TARGET]) == (200, "up/plain")
    assert names.LOSSES not in answer.headers
    assert "losses" not in gateway.decision(answer.headers[names.REQUEST_ID])
