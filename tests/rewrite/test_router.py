"""The router's metadata and headers."""

from dataclasses import replace

import pytest

from extproc import names
from extproc.decision.plan import Plan, Step
from extproc.facts.request import CallerFacts, Facts
from extproc.protocol.events import Headers
from extproc.rewrite.router import Received, asks_usage, llm_headers, plan_metadata, service_headers
from extproc.snapshot import Match, Provider, Route, Snapshot, Target
from tests.translation.providers import CALLERS_KEY, OLLAMA, OPENAI

ROUTE = Route("main", Match())
FACTS = Facts(
    route="main",
    endpoint="chat",
    family="chat",
    model="smart",
    input_tokens=7,
    caller=CallerFacts("alice"),
    labels={"team": "a"},
    body_model="smart",
    own_fields=("team",),
    body_bytes=99,
)
RECEIVED = Received("id1", "POST", "/v1/chat/completions?a=1", "application/json", "sk-own")


def plan(*providers: Provider) -> Plan:
    steps = tuple(Step(Target(each.name, "gpt-4o"), "listed") for each in providers)
    return Plan(steps, "ordered", "first in the file", 0.0125, False)


SNAPSHOT = Snapshot("s1", {each.name: each for each in (OPENAI, OLLAMA, CALLERS_KEY)}, {}, (ROUTE,), {}, {})


def test_a_plan_is_told_in_three_namespaces() -> None:
    assert plan_metadata(plan(OPENAI, OLLAMA), SNAPSHOT, FACTS, ROUTE, RECEIVED) == {
        "extproc": {
            "id": "id1",
            "snapshot": "s1",
            "route": "main",
            "endpoint": "chat",
            "dialect": "openai",
            "caller": "alice",
            "model": "smart",
            "strategy": "ordered",
            "targets": ["openai/gpt-4o", "ollama/gpt-4o"],
            "reason": "first in the file",
            "stream": False,
            "input_estimate": 7,
            "labels": {"team": "a"},
            "tell_losses": True,
        },
        "extproc.private": {
            "path": "/v1/chat/completions?a=1",
            "method": "POST",
            "content_type": "application/json",
            "body_model": "smart",
            "own_fields": ["team"],
            "ask_usage": False,
            "first_byte": 0.0125,
            "body_bytes": 99,
        },
        "extproc.plan": {
            "priority_groups": [
                {"name": "0", "clusters": [{"cluster_name": "openai-c0ffee", "weight": 1}]},
                {"name": "1", "clusters": [{"cluster_name": "ollama-c0ffee", "weight": 1}]},
            ]
        },
    }


def test_the_callers_credential_goes_along_only_for_a_target_that_takes_it_and_never_where_logs_print() -> None:
    told = plan_metadata(plan(OPENAI, CALLERS_KEY), SNAPSHOT, FACTS, ROUTE, RECEIVED)
    assert told[names.META_PRIVATE]["credential"] == "sk-own"
    assert "sk-own" not in str(told[names.META]) + str(told[names.META_PLAN]) + repr(RECEIVED)


def test_what_is_not_known_is_left_out() -> None:
    told = plan_metadata(plan(OPENAI), SNAPSHOT, Facts("main", "audio", "audio"), ROUTE, Received("i", "POST", "/p"))
    assert not {"model", "caller"} & told[names.META].keys()
    assert not {"body_model", "body_bytes", "credential"} & told[names.META_PRIVATE].keys()


@pytest.mark.parametrize(
    ("usage", "stream", "asked", "endpoint", "expected"),
    [
        ("exact", True, False, "chat", True),
        ("exact", True, False, "completions", True),
        ("exact", True, False, "responses", False),
        ("exact", True, True, "chat", False),
        ("exact", False, False, "chat", False),
        ("as_sent", True, False, "chat", False),
    ],
)
def test_usage_is_asked_for_where_the_route_wants_it_and_the_caller_did_not(
    usage: str, stream: bool, asked: bool, endpoint: str, expected: bool
) -> None:
    """Only in streams that do not tell it unasked."""
    route = Route("main", Match(), usage=usage)  # type: ignore[arg-type]
    assert asks_usage(Facts("main", endpoint, "chat", stream=stream, usage_asked=asked), route) is expected


SENT = Headers(
    tuple(
        (name, b"x")
        for name in (
            ":path", "authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key", "x-amz-date",
            "accept-encoding",
            "x-extproc-team", "x-extproc-ctl-retry", "accept", "user-agent", "x-mine", "cookie",
        )
    )
)  # fmt: skip


def test_an_llm_request_loses_credentials_and_what_is_ours_and_gets_retries_and_timeout() -> None:
    edit = llm_headers(SENT, plan(OPENAI, OLLAMA))
    assert edit.set == (("x-envoy-max-retries", "1"), ("x-envoy-upstream-rq-per-try-timeout-ms", "13"))
    assert set(edit.remove) == {name for name, _ in SENT.pairs} - {":path", "accept", "user-agent", "x-mine"}
    assert len(edit.remove) == len(set(edit.remove))


def test_a_services_request_loses_only_what_is_ours() -> None:
    edit = service_headers(SENT)
    assert (edit.set, edit.remove) == ((), ("x-extproc-team", "x-extproc-ctl-retry"))


def test_an_arm_is_told_where_there_is_one() -> None:
    told = plan_metadata(replace(plan(OPENAI), arm="canary"), SNAPSHOT, FACTS, ROUTE, RECEIVED)
    assert told["extproc"]["arm"] == "canary"
