"""A canary under a real Envoy: a bad one goes by itself, a good one takes over, and no caller sees either."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually
from tests.envoy.upstream import Asked, Upstream, always, scripted, whole

TOLD = pytest.mark.skipif(
    find_spec("extproc.app.keyring") is None, reason="no keyring brings the webhook's address to the processor yet"
)
PATIENT = {"circuit_breaker": {"failure_threshold": 10_000}}
ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "new",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
GOOD = whole(json.dumps(ANSWER).encode())
BROKEN = whole(b'{"error":{"message":"no","type":"t","code":"c"}}', 500)
STABLE, CANARY = "lab/m", "new/new"


def failing_one_in(number: int) -> Any:
    """An upstream of which every so-manieth answer is an error."""
    served = 0

    async def script(_: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        writer.write(BROKEN if served % number == 0 else GOOD)
        await writer.drain()

    return script


@contextmanager
def split(lab: Demo, new: Upstream, hook: Upstream | None = None, **keys: Any) -> Iterator[Gateway]:
    provider = {"dialect": "openai", "base_url": f"{new.origin}/v1", "models": ["new"], **keys.pop("provider", PATIENT)}
    callers = keys.pop("callers", None)
    config: dict[str, Any] = {
        "providers": {"lab": lab.configured(models=["m"]), "new": provider},
        "routes": [{"match": {"path": "/v1/*"}, "strategy": "split"}],
        "strategies": {"split": strategy(hook, **keys)},
        **({"callers": callers} if callers else {}),
    }
    with running(config) as gateway:
        yield gateway


def strategy(hook: Upstream | None, **keys: Any) -> dict[str, Any]:
    webhook = {"webhook": f"{hook.origin}/moved?key=k"} if hook is not None else {}
    return {"kind": "canary", "stable": STABLE, "canary": CANARY, **webhook, **keys}


def ask(gateway: Gateway, model: str = "m", **headers: str) -> httpx.Response:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(gateway.url + CHAT, json=body(model), headers=said, trust_env=False, timeout=20)


def canary(gateway: Gateway) -> Mapping[str, Any]:
    (told,) = httpx.get(f"{gateway.admin}/canaries", trust_env=False, timeout=5).json()["canaries"]
    return dict(told)


def asked_until(gateway: Gateway, state: str, most: int) -> list[httpx.Response]:
    answers: list[httpx.Response] = []
    while canary(gateway)["state"] != state:
        assert len(answers) < most, f"{len(answers)} requests, and it is {canary(gateway)}"
        answers += [ask(gateway) for _ in range(5)]
    return answers


@TOLD
@pytest.mark.parametrize(
    ("script", "provider"),
    [
        pytest.param(failing_one_in(3), PATIENT, id="one in three fails"),
        # its breaker opens at the fifth failure and hides it long before it has samples enough
        pytest.param(always(BROKEN), {"circuit_breaker": {"timeout": "60s"}}, id="every one fails, and it is shut"),
    ],
)
def test_a_bad_canary_is_rolled_back_and_no_caller_sees_it(lab: Demo, script: Any, provider: dict[str, Any]) -> None:
    criteria = {"error_rate": "<10%"}
    with (
        scripted(script) as new,
        scripted(always(whole(b"{}"))) as hook,
        split(
            lab,
            new,
            hook,
            split={"stable": 50, "canary": 50},
            steps=[100],
            step_every="1h",
            min_samples=20,
            provider=provider,
            success_criteria=criteria,
        ) as gateway,
    ):
        answers = asked_until(gateway, "rolled_back", 400)
        assert {answer.status_code for answer in answers} == {200}
        assert canary(gateway)["share"] == 0 and "error rate" in canary(gateway)["why"]
        eventually(lambda: len(hook.asked) == 1, "the webhook was told")
        told = json.loads(hook.asked[0].body)
        assert (hook.asked[0].path, told["event"], told["strategy"]) == ("/moved?key=k", "rollback", "split")
        assert (told["from"], told["to"]) == (0.5, 0.0) and told["error_rate"] >= 0.1 and told["samples"] >= 20
        assert gateway.metric("extproc_canary_share", strategy="split") == 0
        assert gateway.metric("extproc_canary_moves_total", strategy="split", move="rollback") == 1
        assert gateway.metric("extproc_canary_webhooks_total", result="ok") == 1
        assert gateway.metric("extproc_arm_exchanges_total", arm="canary", result="failed") >= 2
        assert "canary split is rolled back from 50 % to 0 %" in gateway.err.text()
        assert str(hook.port) not in gateway.err.text() + gateway.out.text()

        before = len(new.asked)
        if provider is not PATIENT:
            assert before < 20, "its breaker kept requests from it, and it was judged all the same"
        assert {ask(gateway).headers[names.TARGET] for _ in range(20)} == {STABLE}
        assert len(new.asked) == before, "nothing more reaches it"

        # a processor that dies does not bring it back
        old = gateway.processor_pid
        os.kill(old, signal.SIGKILL)
        eventually(lambda: gateway.is_ready() and gateway.processor_pid != old, "another processor", 20)
        assert canary(gateway)["state"] == "rolled_back"
        assert {ask(gateway).headers[names.TARGET] for _ in range(10)} == {STABLE}
        assert len(new.asked) == before


@TOLD
def test_a_good_canary_is_promoted(lab: Demo) -> None:
    with (
        scripted(always(GOOD)) as new,
        scripted(always(whole(b"{}"))) as hook,
        split(
            lab,
            new,
            hook,
            split={"stable": 70, "canary": 30},
            steps=[60, 100],
            step_every="500ms",
            min_samples=5,
            success_criteria={"error_rate": "<10%", "latency_p95": "<5s"},
        ) as gateway,
    ):
        answers = asked_until(gateway, "promoted", 1000)
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.headers[names.TARGET] for answer in answers} == {STABLE, CANARY}
        lab.clear()
        assert {ask(gateway).headers[names.TARGET] for _ in range(20)} == {CANARY} and lab.received() == []
        eventually(lambda: len(hook.asked) == 2, "the webhook was told of both")
        moves = [(told["event"], told["from"], told["to"]) for told in (json.loads(one.body) for one in hook.asked)]
        assert sorted(moves) == [("promote", 0.6, 1.0), ("step", 0.3, 0.6)]


def test_callers_stay_in_their_arm_and_the_log_says_which(lab: Demo) -> None:
    """Also those who ask for the stable arm's model: the canary is called otherwise, and answers."""
    keys = {f"caller-{number}": f"gw-key-{number}" for number in range(12)}
    callers = [{"name": name, "key": key} for name, key in keys.items()]
    with (
        scripted(always(GOOD)) as new,
        split(lab, new, split={"stable": 50, "canary": 50}, callers=callers) as gateway,
    ):
        arms: dict[str, set[str]] = {name: set() for name in keys}
        for _ in range(3):
            for name, key in keys.items():
                answer = ask(gateway, "m", authorization=f"Bearer {key}", x_extproc_explain="true")
                arms[name].add(answer.headers[names.TARGET])
        assert all(len(targets) == 1 for targets in arms.values()), arms
        assert set.union(*arms.values()) == {STABLE, CANARY}
        told = {STABLE: "stable", CANARY: "canary"}[answer.headers[names.TARGET]]
        assert answer.headers[names.REASON] == f"split: {told}, 50 % by caller"
        line = gateway.decision(answer.headers[names.REQUEST_ID])
        assert (line["arm"], line["strategy"]) == (told, "split")
        sent = [json.loads(asked.body)["model"] for asked in new.asked]
        assert set(sent) == {"new"} and len(sent) == 3 * sum(targets == {CANARY} for targets in arms.values())
