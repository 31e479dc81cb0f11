"""What an operator sees: one line for each exchange, counters that move, refusals counted, tokens and cost known."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually
from tests.envoy.upstream import Asked, Upstream, always, scripted, whole

INPUT, OUTPUT = 1000, 200
DOLLARS_IN, DOLLARS_OUT = 2.5, 10
SAID = {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "prompt_tokens_details": {"cached_tokens": 0}}
LONG_PAUSE = 1.0


async def counted(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Says its usage where an answer of its kind says it."""
    if not json.loads(asked.body).get("stream"):
        writer.write(whole(json.dumps({"choices": [], "usage": SAID}).encode()))
        return
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    writer.write(head + b'data: {"choices":[{"index":0,"delta":{"content":"x"}}],"usage":null}\n\n')
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.write(b'data: {"choices":[],"usage":' + json.dumps(SAID).encode() + b"}\n\ndata: [DONE]\n\n")
    await writer.drain()
    writer.close()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with scripted(counted) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def bad() -> Iterator[Upstream]:
    with scripted(always(whole(b'{"error":{"message":"no"}}', 500))) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, bad: Upstream, demos: dict[str, Demo]) -> Iterator[Gateway]:
    model = {"name": "m", "price": {"input": DOLLARS_IN, "output": DOLLARS_OUT}}
    config = {
        "providers": {
            "one": {"dialect": "openai", "base_url": f"{upstream.origin}/v1", "models": [model]},
            "bad": {"dialect": "openai", "base_url": f"{bad.origin}/v1", "models": ["bad"]},
            "lab": demos["lab"].configured(models=["fault-hang"]),
        },
        "services": {"plain": {"endpoints": [demos["lab"].origin]}},
        "aliases": {"walk": ["bad/bad", "one/m"]},
        "routes": [
            {"name": "service", "match": {"path": "/healthz"}, "service": "plain"},
            {"name": "llm", "match": {"path": "/v1/*"}},
        ],
    }
    with running(config) as gateway:
        yield gateway


def ask(gateway: Gateway, model: str = "m", headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    content = body(model, **more)
    return httpx.post(gateway.url + CHAT, json=content, headers=headers, trust_env=False, timeout=20)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_tokens_and_cost_of_an_unattended_exchange_are_known(gateway: Gateway, stream: bool) -> None:
    answer = ask(gateway, stream=stream, **({"stream_options": {"include_usage": True}} if stream else {}))
    line = gateway.decision(answer.headers[names.REQUEST_ID])
    assert (line["usage"]["input"], line["usage"]["output"]) == (INPUT, OUTPUT)
    assert line["usage"]["estimated"] is False
    assert float(line["cost"]) == pytest.approx((INPUT * DOLLARS_IN + OUTPUT * DOLLARS_OUT) / 1e6)


def test_a_line_tells_the_whole_exchange(gateway: Gateway) -> None:
    headers = {"x-extproc-team": "red", "x-extproc-project": "apollo"}
    answer = ask(gateway, "walk", headers, customer="acme", stream=True, stream_options={"include_usage": True})
    line = gateway.decision(answer.headers[names.REQUEST_ID])
    assert line["labels"] == {"team": "red", "project": "apollo", "customer": "acme"}
    assert (line["route"], line["endpoint"], line["model"]) == ("llm", "chat", "walk")
    assert line["target"] == "one/m" == answer.headers[names.TARGET]
    assert [(each["target"], each["status"]) for each in line["attempts"]] == [("bad/bad", 500), ("one/m", 200)]
    assert line["status"] == 200 and line["stream"] is True and line["reason"] and line["request_id"]
    assert line["request_bytes"] > 0 and line["response_bytes"] == len(answer.content)
    assert 0 <= line["ttft_ms"] < line["duration_ms"] and line["duration_ms"] >= 190
    assert line["snapshot"] == gateway.hash


def test_one_line_for_each_exchange_and_none_twice(gateway: Gateway) -> None:
    ids = [ask(gateway).headers[names.REQUEST_ID] for _ in range(30)]
    assert len(set(ids)) == 30
    for each in ids:
        gateway.decision(each)
    time.sleep(LONG_PAUSE)
    lines = [line["id"] for line in gateway.lines("exchange")]
    assert [each for each in ids if lines.count(each) != 1] == []


def test_envoys_own_log_names_the_same_exchange(gateway: Gateway) -> None:
    exchange = ask(gateway).headers[names.REQUEST_ID]
    eventually(
        lambda: [line for line in gateway.lines("access") if line.get("request_id") == exchange],
        "Envoy's line of the exchange",
        20,
    )


def test_counters_move(gateway: Gateway) -> None:
    def now() -> list[float]:
        return [
            gateway.metric("extproc_exchanges_total", provider="one", model="m", status_class="2xx"),
            gateway.metric("extproc_attempts_total", provider="one", model="m", result="ok"),
            gateway.metric("extproc_tokens_total", provider="one", model="m", kind="input"),
            gateway.metric("extproc_tokens_total", provider="one", model="m", kind="output"),
            gateway.metric("extproc_attempts_total", provider="bad", model="bad", result="failure"),
        ]

    time.sleep(0.5)
    before = now()
    gateway.decision(ask(gateway).headers[names.REQUEST_ID])
    gateway.decision(ask(gateway, "walk").headers[names.REQUEST_ID])
    expected = [2.0, 2.0, 2.0 * INPUT, 2.0 * OUTPUT, 1.0]
    eventually(
        lambda: [new - old for new, old in zip(now(), before, strict=True)] == expected,
        f"{expected} more than {before}",
    )
    cost = gateway.metric("extproc_cost_dollars_total", provider="one", model="m")
    assert cost > 0


REFUSALS = {
    "model_not_found": (CHAT, b'{"model":"none","messages":[]}', {}),
    "invalid_json": (CHAT, b"{", {}),
    "unknown_strategy": (CHAT, b'{"model":"m","messages":[]}', {"x-extproc-strategy": "none"}),
    "unknown_provider": (CHAT, b'{"model":"m","provider":"none","messages":[]}', {}),
    "unknown_endpoint": ("/v1/none", b"{}", {}),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_is_counted_and_told(gateway: Gateway, code: str) -> None:
    path, content, headers = REFUSALS[code]
    before = gateway.metric("extproc_refusals_total", reason=code)
    answer = httpx.post(gateway.url + path, content=content, headers=headers, trust_env=False)
    assert answer.json()["error"]["code"] == code
    line = gateway.decision(answer.headers[names.REQUEST_ID])
    assert line["refusal"] == code and line["status"] == answer.status_code and "attempts" not in line
    assert gateway.metric("extproc_refusals_total", reason=code) == before + 1


def test_a_caller_that_left_is_told(gateway: Gateway) -> None:
    before = len(gateway.lines("exchange"))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(gateway.url + CHAT, json=body("fault-hang"), trust_env=False, timeout=0.3)
    eventually(
        lambda: [line for line in gateway.lines("exchange")[before:] if line.get("client_left")],
        "a line of a caller that left",
    )


def test_a_service_has_its_line_too(gateway: Gateway) -> None:
    before = len(gateway.lines("exchange"))
    assert httpx.get(f"{gateway.url}/healthz", trust_env=False).json()["provider"] == "lab"
    eventually(
        lambda: [line for line in gateway.lines("exchange")[before:] if line.get("endpoint") == "service"],
        "a line of the service",
    )


def test_the_first_line_says_where_to_call(gateway: Gateway) -> None:
    (started,) = gateway.lines("started")
    assert started["address"] == gateway.url and set(started["providers"]) == {"one", "bad", "lab"}


def test_every_line_on_both_pipes_is_json(gateway: Gateway) -> None:
    """Where the output is piped, what reads it is a program."""
    for line in [*gateway.out.said, *gateway.err.said]:
        assert isinstance(json.loads(line), dict), line


def test_the_admin_port_answers_what_it_says(gateway: Gateway) -> None:
    assert httpx.get(f"{gateway.admin}/healthz", trust_env=False).status_code == 200
    status = gateway.status()
    assert status["status"] == "ready" and status["config"]["hash"] and status["config"]["error"] is None
    assert status["config"]["age_seconds"] >= 0 and status["envoy"]["version"].startswith("1.40")
    assert gateway.metric("extproc_config_info", hash=status["config"]["hash"]) == 1
    assert gateway.metric("extproc_bugs_total") == 0
