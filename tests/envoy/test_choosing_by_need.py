"""Rules, requirements and sticky sessions through a real Envoy."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, running

SESSIONS = 24


@pytest.fixture(scope="module")
def gateway(demos: dict[str, Demo]) -> Iterator[Gateway]:
    models = [{"name": "small", "context": 4_000}]
    config = {
        "providers": {
            "openrouter": demos["lab"].configured(models=models),
            "anthropic": demos["other"].configured(models=[{"name": "small", "context": 200_000}]),
            "openai": demos["third"].configured(models=models),
        },
        "strategies": {
            "cost-optimized": {
                "kind": "ordered",
                "rules": [
                    {"condition": "safety_required == true || safety_critical == true", "provider": "anthropic"},
                    {"condition": "tokens < 1000 && team != 'research'", "provider": "openai"},
                ],
            },
            "keep": {"kind": "sticky"},
        },
        "routes": [{"match": {"path": "/v1/*"}, "strategy": "cost-optimized"}],
    }
    with running(config) as gateway:
        yield gateway


def ask(gateway: Gateway, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    sent = {names.EXPLAIN: "true", **(headers or {})}
    return httpx.post(gateway.url + CHAT, json=body("small", **fields), headers=sent, trust_env=False, timeout=20)


@pytest.mark.parametrize(
    ("fields", "headers", "target", "reason"),
    [
        ({}, {}, "openai/small", "rule 2: tokens < 1000 && team != 'research'; cost-optimized: third of 3"),
        ({"safety_required": True}, {}, "anthropic/small", "rule 1: safety_required == true || "),
        ({"safety_critical": "true"}, {}, "anthropic/small", "rule 1: "),
        ({"safety_critical": False}, {names.TEAM: "research"}, "openrouter/small", "cost-optimized: first of 3"),
        ({"requirements": {"min_context_window": 100_000}}, {}, "anthropic/small", "cost-optimized: first of 1"),
        ({"routing_preference": "long-context"}, {}, "anthropic/small", "long_context: a context of 200000 tokens"),
    ],
)
def test_the_request_decides(
    gateway: Gateway, fields: dict[str, Any], headers: dict[str, str], target: str, reason: str
) -> None:
    """By its tokens, its labels, its requirements; and says why."""
    answer = ask(gateway, headers, **fields)
    assert answer.status_code == 200, answer.text
    assert answer.headers[names.TARGET] == target
    assert answer.headers[names.REASON].startswith(reason)


def test_a_context_that_nobody_has_is_refused(gateway: Gateway) -> None:
    answer = ask(gateway, requirements={"min_context_window": 500_000})
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == ("context_length", "requirements")


def test_a_session_stays_where_it_is_and_sessions_spread(gateway: Gateway, demos: dict[str, Demo]) -> None:
    went: Counter[str] = Counter()
    for number in range(SESSIONS):
        by_header, by_field, by_key = (
            ask(gateway, {names.STRATEGY: "keep", **headers}, **fields).headers[names.TARGET]
            for headers, fields in (
                ({names.SESSION: f"s{number}"}, {}),
                ({}, {"session_id": f"s{number}"}),
                ({}, {"prompt_cache_key": f"s{number}"}),
            )
        )
        assert by_header == by_field == by_key
        went[by_header] += 1
    assert len(went) == 3


def test_ours_stays_here_and_openais_goes_on(gateway: Gateway, demos: dict[str, Demo]) -> None:
    ask(gateway, {names.SESSION: "mine"}, provider="openai", session_id="mine", user="u", prompt_cache_key="k")
    received = demos["third"].last()
    assert json.loads(received["body"]) == body("small", user="u", prompt_cache_key="k")
    assert not [name for name in received["headers"] if name.startswith(names.PREFIX)]
    assert "mine" not in json.dumps(received["headers"])
