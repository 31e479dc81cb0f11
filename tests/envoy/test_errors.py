"""What becomes of a provider's error: failover by its class, and what the caller gets of it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT
from tests.envoy.gateway import Gateway, running
from tests.envoy.upstream import Upstream, always, scripted, whole

TOO_LONG = {"error": {"message": "too many tokens", "type": "invalid_request_error", "code": "context_length_exceeded"}}
NO_KEY = {"error": {"message": "Incorrect API key provided: sk-of-the-gateway", "code": "invalid_api_key"}}
FINE = {"choices": [{"message": {"content": "hi"}}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}


def said(content: Any, status: int = 200) -> bytes:
    return whole(json.dumps(content).encode(), status)


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, Upstream]]:
    answers = {"long": said(TOO_LONG, 400), "keyless": said(NO_KEY, 401), "fine": said(FINE)}
    answers["odd"] = whole(b"<html>Bad Gateway</html>", 422, "text/html")
    with ExitStack() as stack:
        yield {name: stack.enter_context(scripted(always(answer))) for name, answer in answers.items()}


@pytest.fixture(scope="module")
def gateway(upstreams: dict[str, Upstream]) -> Iterator[Gateway]:
    config = {
        "providers": {
            name: {"dialect": "openai", "base_url": f"{each.origin}/v1", "credential": "sk-of-the-gateway"}
            for name, each in upstreams.items()
        },
        "routes": [
            {"match": {"headers": {"x-way": "classes"}}, "failover": {"fallback_on": ["context_length", "auth"]}},
            {"match": {"headers": {"x-way": "attended"}}, "attend": True},
            {"match": {"path": "/*"}},
        ],
        "aliases": {
            "walk": ["long/m", "keyless/m", "fine/m"],
            "walk-in-vain": ["keyless/m", "long/m"],
            "odd-first": ["odd/m", "fine/m"],
        },
    }
    with running(config) as started:
        yield started


def ask(gateway: Gateway, model: str, way: str = "") -> httpx.Response:
    asking = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    return httpx.post(f"{gateway.url}{CHAT}", json=asking, headers={"x-way": way}, timeout=20, trust_env=False)


@pytest.mark.parametrize("way", ["", "attended"])
def test_a_no_to_the_gateways_key_is_not_the_callers(gateway: Gateway, way: str) -> None:
    answer = ask(gateway, "keyless/m", way)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_auth")
    assert "sk-of-the-gateway" not in answer.text
    assert (answer.headers[names.TARGET], answer.headers[names.ATTEMPTS]) == ("keyless/m", "1")
    assert answer.headers[names.SHOULD_RETRY] == "false"
    assert gateway.decision(answer.headers[names.REQUEST_ID])["status"] == 502


@pytest.mark.parametrize("way", ["", "attended"])
def test_an_error_of_the_dialect_passes_as_it_is(gateway: Gateway, way: str) -> None:
    answer = ask(gateway, "long/m", way)
    assert (answer.status_code, answer.json()) == (400, TOO_LONG)
    assert answer.headers[names.TARGET] == "long/m"


@pytest.mark.parametrize("way", ["", "attended"])
def test_one_of_no_dialect_becomes_one(gateway: Gateway, way: str) -> None:
    answer = ask(gateway, "odd/m", way)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/json")
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_classes_of_error_lead_to_the_next_target(gateway: Gateway, upstreams: dict[str, Upstream]) -> None:
    """Each attempt with the caller's own body; without `fallback_on` the first error is the answer."""
    answer = ask(gateway, "walk", "classes")
    assert (answer.status_code, answer.json()) == (200, FINE)
    assert (answer.headers[names.TARGET], answer.headers[names.ATTEMPTS]) == ("fine/m", "3")
    attempts = gateway.decision(answer.headers[names.REQUEST_ID])["attempts"]
    assert [(attempt["target"], attempt["status"]) for attempt in attempts] == [
        ("long/m", 400),
        ("keyless/m", 401),
        ("fine/m", 200),
    ]
    assert ask(gateway, "walk").status_code == 400


def test_the_last_targets_error_is_the_answer(gateway: Gateway) -> None:
    answer = ask(gateway, "walk-in-vain", "classes")
    assert (answer.status_code, answer.json(), answer.headers[names.ATTEMPTS]) == (400, TOO_LONG, "2")


def test_a_class_that_is_not_listed_is_the_answer(gateway: Gateway) -> None:
    answer = ask(gateway, "odd-first", "classes")
    assert (answer.status_code, answer.headers[names.ATTEMPTS]) == (422, "1")


def test_no_stream_stays_open(gateway: Gateway) -> None:
    """Good answers open none of errors' in the first place."""
    for _ in range(5):
        assert ask(gateway, "fine/m").status_code == 200
    assert gateway.metric("extproc_streams_open", filter="errors") == 0
