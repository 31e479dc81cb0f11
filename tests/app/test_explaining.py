"""`explain` decides what the gateway decides: the same requests through both."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from extproc import names, signing
from extproc.app.explaining import Asked, explain_request
from extproc.decision.explain import HIDDEN
from extproc.facts import matcher
from extproc.facts.routes import entries
from extproc.protocol.events import BodyEvent
from extproc.snapshot import Caller, Credential, SignSpec, Snapshot
from tests.exchange.scene import CALLERS, CLAUDE_FIRST, PROVIDERS, ROUTES, Scene, request, snapshot

WEIGHTED = """
strategies: {default: {kind: weighted, weights: {alpha: 0.3, beta: 0.7}}}
failover: {max_attempts: 2, first_byte_timeout: 5s}
"""
CONFIGS = {
    "open": snapshot(PROVIDERS, ROUTES),
    "keyed": snapshot(PROVIDERS, ROUTES, CALLERS),
    "plain": snapshot(PROVIDERS, WEIGHTED),
}
CHAT = "/v1/chat/completions"


@dataclass(frozen=True)
class Case:
    config: str
    body: Any = None
    method: str = "POST"
    path: str = CHAT
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        return (
            b"" if self.body is None else self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        )


CASES = {
    "an alias": Case("open", {"model": "smart"}),
    "a model at two providers, drawn": Case("plain", {"model": "m", "stream": True}),
    "no model": Case("plain", {"messages": []}),
    "auto for an upload": Case("plain", None, path="/v1/audio/transcriptions"),
    "an upload by its header": Case("plain", None, path="/v1/audio/x", headers={"x-extproc-model": "listen"}),
    "the unversioned path": Case("open", {"model": "m"}, path="/chat/completions?a=1"),
    "a provider by header": Case("open", {"model": "m"}, headers={"x-extproc-provider": "beta"}),
    "the caller's own key": Case("open", {"model": "mine"}, headers={"authorization": "Bearer sk-own"}),
    "no key for who takes the caller's": Case("open", {"model": "own"}),
    "a caller": Case("keyed", {"model": "smart", "team": "b"}, headers={"authorization": "Bearer gw-ci"}),
    "a caller who may not": Case("keyed", {"model": "own"}, headers={"x-api-key": "gw-ci"}),
    "a wrong key": Case("keyed", {"model": "m"}, headers={"x-api-key": "gw-x"}),
    "a model that nothing serves": Case("plain", {"model": "x" * 99}),
    "an unknown strategy": Case("plain", {"model": "m", "routing_strategy": "x"}),
    "a wrong field": Case("plain", {"model": "m", "n": "two"}),
    "no JSON": Case("plain", b"{"),
    "an empty body": Case("plain", None),
    "a file at a provider": Case("open", None, method="GET", path="/files/f", headers={"x-extproc-provider": "beta"}),
    "a file at nobody": Case("open", None, method="GET", path="/v1/files/f"),
    "a batch": Case("open", {"provider": "alpha", "input_file_id": "f"}, path="/v1/batches"),
    "a WebSocket": Case("open", None, method="GET", path="/v1/realtime?model=smart"),
    "a WebSocket without a model": Case("open", None, method="GET", path="/v1/realtime?provider=beta"),
    "a WebSocket with its key": Case(
        "keyed",
        None,
        method="GET",
        path="/v1/realtime?model=m",
        headers={"upgrade": "websocket", "sec-websocket-protocol": "realtime, openai-insecure-api-key.gw-ci"},
    ),
    "an unknown path": Case("plain", {}, path="/v1/nothing"),
    "a wrong method": Case("plain", None, method="DELETE"),
    "tools that nobody has": Case("plain", {"model": "m", "tools": [{"type": "function"}]}),
    "embeddings that nobody serves": Case("plain", {"model": "m", "input": "x"}, path="/v1/embeddings"),
}


async def by_the_gateway(config: Snapshot, case: Case) -> dict[str, Any]:
    entry = matcher.find(entries(config), matcher.Asked(case.method, case.path, "", case.headers))
    assert entry is not None
    scene = Scene(config)
    exchange = scene.router()
    event = request(entry.key(config.id), method=case.method, path=case.path, headers=case.headers, end=not case.raw)
    turn = await exchange.on(event)
    if not turn.done:
        turn = await exchange.on(BodyEvent("request", case.raw, True))
    told = turn.reply.metadata[names.META]
    if names.M_REFUSAL in told:
        error = json.loads(turn.reply.body)["error"]
        return {
            "status": turn.reply.status,
            "code": told[names.M_REFUSAL],
            **{k: error[k] for k in ("message", "param")},
        }
    return {
        "plan": told[names.M_TARGETS],
        "strategy": told[names.M_STRATEGY],
        "reason": told[names.M_REASON],
        "route": told[names.M_ROUTE],
        "labels": told[names.M_LABELS],
        "headers": {name: value for name, value in turn.reply.edit.set if name.startswith(names.ENVOY_PREFIX)},
    }


def by_explain(config: Snapshot, case: Case) -> dict[str, Any]:
    headers = {"content-type": "application/json", **case.headers}
    told = explain_request(config, Asked(case.method, case.path, headers, case.raw), now=1000.0, draw=0.5)
    if told["refusal"]:
        return {key: told["refusal"][key] for key in ("status", "code", "message", "param")}
    return {
        "plan": told["plan"],
        "strategy": told["strategy"],
        "reason": told["reason"],
        "route": told["facts"]["route"],
        "labels": told["facts"]["labels"],
        "headers": {name: value for name, value in told["headers"].items() if name.startswith(names.ENVOY_PREFIX)},
    }


@pytest.mark.parametrize("what", CASES)
async def test_explain_says_what_the_gateway_does(what: str) -> None:
    case = CASES[what]
    config = CONFIGS[case.config]
    assert by_explain(config, case) == await by_the_gateway(config, case)


async def test_the_models_that_explain_names_are_those_that_the_gateway_lists() -> None:
    for config, headers in (("open", {}), ("plain", {}), ("keyed", {"x-api-key": "gw-ci"})):
        chosen = CONFIGS[config]
        told = explain_request(chosen, Asked("GET", "/v1/models", headers, b""), now=0.0, draw=0.0)
        route = told["facts"]["route"]
        turn = await Scene(chosen).ask(route=route, endpoint="models", method="GET", path="/v1/models", headers=headers)
        assert told["models"] == [model["id"] for model in json.loads(turn.reply.body)["data"]]


def test_a_service_is_named_and_a_path_that_nothing_matches_refused() -> None:
    told = explain_request(CONFIGS["open"], Asked("GET", "/billing/1?x=1", {}, b""), now=0.0, draw=0.0)
    assert (told["service"], told["plan"], told["facts"]["route"]) == ("billing", [], "bills")
    told = explain_request(CONFIGS["open"], Asked("GET", "/nothing", {}, b""), now=0.0, draw=0.0)
    assert told["refusal"]["code"] == "route_not_found"


def test_a_browsers_key_is_not_shown() -> None:
    headers = {"upgrade": "websocket", "sec-websocket-protocol": "openai-insecure-api-key.gw-ci"}
    told = explain_request(CONFIGS["keyed"], Asked("GET", "/v1/realtime?model=m", headers, b""), now=0.0, draw=0.0)
    assert told["facts"]["caller"]["name"] == "ci" and told["plan"] == ["alpha/m"]
    assert "gw-ci" not in json.dumps(told) and "sec-websocket-protocol" not in told["headers"]


def test_whoever_explains_is_no_stranger() -> None:
    for config in (CONFIGS["open"], replace(CONFIGS["open"], open=True)):
        told = explain_request(config, Asked("POST", CHAT, {}, b'{"model":"m"}'), now=0.0, draw=0.0)
        assert told["refusal"] is None


def test_explain_shows_what_the_first_attempt_would_send_and_hides_its_credential() -> None:
    config = CONFIGS["plain"]
    headers = {"content-type": "application/json", "user-agent": "me", "cookie": "c", "authorization": "Bearer sk-own"}
    body = b'{"model":"m","team":"a"}'
    sent = explain_request(config, Asked("POST", "/v1/chat/completions?x=1", headers, body), now=0.0, draw=0.5)[
        "headers"
    ]
    assert sent[":path"] == "/v1/chat/completions?x=1"
    assert sent[":authority"].startswith("127.0.0.1:")
    assert int(sent["content-length"]) < len(body)
    assert sent["user-agent"] == "me"
    assert "cookie" not in sent and "sk-own" not in str(sent)
    assert sent.get("authorization", "***") == "***"


@pytest.mark.parametrize(
    ("credential", "shown"),
    [
        (Credential(), set()),
        (Credential("injected"), {"authorization"}),
        (Credential("injected", "x-api-key", ""), {"x-api-key"}),
        (Credential("injected", "x-goog-api-key", ""), {"x-goog-api-key"}),
        (Credential("caller", "api-key", ""), {"api-key"}),
        (Credential("aws_keys", "authorization", ""), {"authorization"}),
        (Credential("aws_chain", "authorization", ""), {"authorization"}),
    ],
)
def test_explain_shows_that_a_credential_goes_along_and_never_which(credential: Credential, shown: set[str]) -> None:
    """Nor anything of what the caller came with."""
    providers = {name: replace(each, credential=credential) for name, each in CONFIGS["plain"].providers.items()}
    keys = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token", "x-amz-date")
    asked = Asked("POST", CHAT, dict.fromkeys(keys, "Bearer canary"), b'{"model":"m"}')
    told = explain_request(replace(CONFIGS["plain"], providers=providers), asked, now=0.0, draw=0.5)
    assert {name: value for name, value in told["headers"].items() if name in keys} == dict.fromkeys(shown, "***")
    assert "canary" not in json.dumps(told)


def test_a_request_without_a_key_is_explained_although_the_gateway_would_want_one() -> None:
    body = b'{"model":"m","messages":[]}'
    told = explain_request(CONFIGS["keyed"], Asked("POST", "/v1/chat/completions", {}, body), now=0.0, draw=0.5)
    assert told["refusal"] is None and told["plan"]


@pytest.mark.parametrize(("model", "plan"), [("chain", ["alpha/m"]), ("alone", [])])
async def test_a_target_that_cannot_be_told_a_value_is_no_candidate_that_stays(model: str, plan: list[str]) -> None:
    config = snapshot(CLAUDE_FIRST)
    asked = {"model": model, "temperature": 1.7, "messages": [{"role": "user", "content": "hi"}]}
    case = Case("", asked)
    assert by_explain(config, case) == await by_the_gateway(config, case)
    told = explain_request(
        config, Asked("POST", case.path, {"content-type": "application/json"}, case.raw), now=0.0, draw=0.0
    )
    assert told["plan"] == plan
    kept = {one["target"]: one["kept"] for one in told["candidates"]}
    assert kept["claude/claude-sonnet-4-5"] is False


@pytest.mark.parametrize(
    ("scheme", "shown"),
    [("v1", ["x-timestamp", "x-signature", "x-auth-type"]), ("v2", [*signing.HEADERS])],
)
def test_that_a_request_is_signed_is_shown_and_nothing_is_signed(scheme: signing.Scheme, shown: list[str]) -> None:
    plain = CONFIGS["plain"]
    alpha = replace(plain.providers["alpha"], sign=SignSpec(scheme))
    signed = replace(plain, providers={**plain.providers, "alpha": alpha})
    asked = Asked("POST", CHAT, {"x-extproc-provider": "alpha"}, b'{"model": "m"}')
    told = explain_request(signed, asked, now=0.0, draw=0.0)["headers"]
    assert {name: value for name, value in told.items() if name in signing.HEADERS} == dict.fromkeys(shown, HIDDEN)


def test_a_page_of_the_gateways_own_needs_no_plan() -> None:
    told = explain_request(CONFIGS["open"], Asked("GET", "/health/providers", {}, b""), now=0.0, draw=0.0)
    assert (told["refusal"], told["answered"], told["plan"]) == (None, "by the gateway itself", [])
    assert told["facts"]["endpoint"] == "health_of_providers" and "models" not in told


def test_a_caller_is_explained_by_the_names_in_its_certificate() -> None:
    known = replace(CONFIGS["open"], callers=(Caller("ci", None, certificate=("ci.test",)),))

    def explained(*names_in_it: str) -> dict[str, Any]:
        asked = Asked("POST", CHAT, {"content-type": "application/json"}, b'{"model":"m"}', names_in_it)
        return explain_request(known, asked, now=0.0, draw=0.5)

    assert explained("ci.test")["facts"]["caller"]["name"] == "ci"
    assert explained("other.test")["refusal"]["code"] == "invalid_api_key"
