"""What the router refuses, when, and with which words; each refusal is told once, with its id."""

from dataclasses import replace
from typing import Any

import pytest

from extproc import names
from extproc.refusal import Refusal
from tests.exchange.scene import CALLERS, ID, PROVIDERS, ROUTES, Scene, error_of, request, snapshot

OPEN, KEYED = snapshot(), snapshot(PROVIDERS, ROUTES, CALLERS)
KEY = {"authorization": "Bearer gw-ci"}
GOOD = {"model": "m", "messages": []}

AT_HEADERS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a route that is not ours": (OPEN, {"key": "somebody's"}, "route_not_found"),
    "no route at all": (OPEN, {"key": ""}, "route_not_found"),
    "a route that its snapshot does not have": (OPEN, {"route": "gone"}, "snapshot_lost"),
    "the catch-all of a route": (OPEN, {"endpoint": "unknown", "path": "/v1/nothing"}, "unknown_endpoint"),
    "a known path with another method": (
        OPEN, {"endpoint": "unknown", "method": "GET", "path": "/v1/chat/completions"}, "method_not_allowed",
    ),
    "an endpoint whose method is another": (OPEN, {"endpoint": "chat", "method": "PUT"}, "method_not_allowed"),
    "an endpoint that nobody knows": (OPEN, {"endpoint": "chats", "path": "/v1/chats"}, "unknown_endpoint"),
    "a stranger from elsewhere": (OPEN, {"source": "10.1.2.3:99"}, "caller_not_local"),
    "a missing key": (KEYED, {}, "invalid_api_key"),
    "a wrong key": (KEYED, {"headers": {"authorization": "Bearer gw-wrong"}}, "invalid_api_key"),
    "a list of models without a key": (KEYED, {"endpoint": "models", "method": "GET"}, "invalid_api_key"),
    "a JSON endpoint without a body": (OPEN, {}, "invalid_json"),
    "an upload that names no model": (OPEN, {"endpoint": "audio", "path": "/v1/audio/transcriptions"}, ""),
    "an upload of a model that nothing serves": (
        OPEN,
        {"endpoint": "audio", "path": "/v1/audio/translations", "headers": {"x-extproc-model": "x"}},
        "model_not_found",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", [what for what, (_, _, code) in AT_HEADERS.items() if code])
async def test_refused_at_the_headers_before_a_body_is_asked_for(what: str) -> None:
    config, asked, code = AT_HEADERS[what]
    scene = Scene(config)
    turn = await scene.ask(**asked)
    assert_refused(scene, turn, code)


async def test_an_upload_that_names_no_model_goes_to_whoever_serves_uploads() -> None:
    scene = Scene(OPEN)
    turn = await scene.ask(endpoint="audio", path="/v1/audio/transcriptions")
    assert turn.reply.metadata[names.META]["targets"] == ["alpha/listen"]


AT_BODY: dict[str, tuple[Any, dict[str, Any], Any, str, str | None]] = {
    "a body that is no JSON": (OPEN, {}, b'{"model": ', "invalid_json", None),
    "an empty body": (OPEN, {}, b"", "invalid_json", None),
    "a body that is no object": (OPEN, {}, b"[]", "invalid_json", None),
    "a field of the wrong kind": (OPEN, {}, {**GOOD, "stream": "yes"}, "invalid_request", "stream"),
    "a model with a control character": (OPEN, {}, {**GOOD, "model": "m\n"}, "invalid_request", "model"),
    "a model that nothing serves": (OPEN, {}, {**GOOD, "model": "x"}, "model_not_found", "model"),
    "a provider that does not exist": (OPEN, {}, {**GOOD, "provider": "x"}, "unknown_provider", "provider"),
    "a strategy that does not exist": (
        OPEN, {}, {**GOOD, "routing_strategy": "x"}, "unknown_strategy", "routing_strategy",
    ),
    "a model that the caller may not use": (
        KEYED, {"headers": {"authorization": "Bearer gw-nobody"}}, GOOD, "model_not_allowed", "model",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", AT_BODY)
async def test_refused_at_the_body(what: str) -> None:
    config, asked, body, code, param = AT_BODY[what]
    scene = Scene(config)
    turn = await scene.ask(body, **asked)
    assert_refused(scene, turn, code)
    assert error_of(turn)["param"] == param


def assert_refused(scene: Scene, turn: Any, code: str) -> None:
    assert turn.done
    (told,) = scene.books.decisions
    assert scene.books.told == ["decided"]
    assert scene.books.reserved == []
    assert isinstance(told.outcome, Refusal)
    assert (told.outcome.reason.code, told.exchange_id, told.request_id) == (code, ID, "rq-1")
    assert (turn.reply.status, turn.reply.details) == (told.outcome.status, f"extproc_{code}")
    assert error_of(turn)["code"] == code
    assert (names.REQUEST_ID, ID) in turn.reply.headers
    metadata = turn.reply.metadata[names.META]
    assert (metadata["id"], metadata["refusal"]) == (ID, code)
    if told.route:
        assert metadata["snapshot"] == told.snapshot_id == scene.current.id
        assert (metadata["route"], metadata["endpoint"]) == (told.route, told.endpoint)
    assert "hello prompt" not in str(turn) + str(told)


@pytest.mark.parametrize("body", [b"{", {**GOOD, "model": "x"}, {**GOOD, "stream": 1}])
async def test_a_refusal_behind_the_key_names_the_caller(body: Any) -> None:
    turn = await Scene(KEYED).ask(body, headers=KEY)
    assert turn.reply.metadata[names.META]["caller"] == "ci"


async def test_a_lost_snapshot_asks_to_come_back() -> None:
    turn = await Scene(OPEN).ask(route="gone")
    assert turn.reply.status == 503
    assert ("retry-after", "1") in turn.reply.headers
    assert (names.SHOULD_RETRY, "false") in turn.reply.headers


async def test_neither_keys_nor_prompts_are_repeated_to_anybody() -> None:
    scene = Scene(KEYED)
    body = {"model": "x", "messages": [{"content": "hello prompt"}], "stream": "hello prompt"}
    turn = await scene.ask(body, headers={"authorization": "Bearer gw-ci", "x-api-key": "sk-own"})
    everything = f"{turn} {scene.books.decisions}"
    assert not [secret for secret in ("gw-ci", "sk-own", "hello prompt") if secret in everything]


async def test_a_stranger_on_this_machine_or_of_an_open_gateway_is_served() -> None:
    scene = Scene(replace(OPEN, open=True))
    turn = await scene.ask(GOOD, source="10.1.2.3:99")
    assert turn.reply.metadata[names.META]["targets"] == ["alpha/m", "beta/m"]


async def test_the_event_of_a_refusal_needs_no_attributes() -> None:
    exchange = Scene(OPEN).router()
    event = request("")
    turn = await exchange.on(type(event)("request", event.headers, True))
    assert error_of(turn)["code"] == "route_not_found"
