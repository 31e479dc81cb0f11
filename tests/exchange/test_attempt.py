"""The attempt's stream: one target, addressed and translated, and nothing of anybody else's."""

import json
from typing import Any

import pytest

from extproc import names
from extproc.exchange.attempt import LONGEST_LOSS, MOST_LOSSES
from extproc.protocol.events import BodyEvent, Headers, TrailersEvent
from extproc.protocol.replies import BodyReply, HeadersReply, TrailersReply, Turn
from tests.exchange.attempts import attempt, begun, cluster_of, planned
from tests.exchange.scene import ID, PROVIDERS, Scene, chunk, error_of, snapshot

SMART = {"model": "smart", "messages": [], "team": "a"}
THINKERS = """
aliases: {thinkers: [alpha/o3-mini, beta/m]}
"""
PLAIN = {"model": "m", "messages": []}
MINE = {"model": "mine", "messages": []}


async def test_a_body_that_need_not_change_is_never_asked_for_and_the_stream_ends_with_the_headers() -> None:
    scene = Scene()
    metadata = await planned(scene, PLAIN, path="/v1/chat/completions?a=1")
    turn = await begun(scene).on(attempt(scene, metadata))
    assert turn.done
    assert isinstance(turn.reply, HeadersReply)
    assert dict(turn.reply.edit.set) == {
        ":method": "POST",
        ":path": "/v1/chat/completions?a=1",
        ":authority": "127.0.0.1:9001",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(json.dumps(PLAIN))),
    }
    assert turn.reply.edit.remove == ("x-mine",)


async def test_a_body_that_must_change_is_answered_with_its_new_bytes_and_their_length() -> None:
    scene = Scene()
    metadata = await planned(scene, SMART)
    exchange = begun(scene)
    assert await exchange.on(attempt(scene, metadata, 2)) == Turn(HeadersReply("request"))
    turn = await exchange.on(chunk(SMART, end=True))
    assert turn.done
    assert isinstance(turn.reply, BodyReply)
    assert json.loads(turn.reply.body or b"") == {"model": "big-m", "messages": []}
    told = dict(turn.reply.edit.set)
    assert told["content-length"] == str(len(turn.reply.body or b""))
    assert (told[":authority"], told["x-plan"]) == ("127.0.0.1:9002", "basic")
    assert exchange.id == ID


@pytest.mark.parametrize("size", [1, 5])
async def test_a_body_in_chunks_is_changed_when_it_is_whole(size: int) -> None:
    scene = Scene()
    exchange = begun(scene)
    await exchange.on(attempt(scene, await planned(scene, SMART)))
    body = json.dumps(SMART).encode()
    for at in range(0, len(body), size):
        assert await exchange.on(chunk(body[at : at + size])) == Turn(BodyReply("request"))
    turn = await exchange.on(chunk(b"", end=True))
    assert json.loads(turn.reply.body) == {"model": "m", "messages": []}


async def test_every_attempt_changes_the_callers_own_bytes_and_knows_nothing_of_the_one_before() -> None:
    scene = Scene()
    metadata = await planned(scene, SMART)
    present = {
        "x-plan": "basic",
        "authorization": "Bearer of-another",
        "api-key": "another",
        "x-extproc-ctl-retry": "1",
    }
    exchange = begun(scene)
    await exchange.on(attempt(scene, metadata, 1, present=present))
    turn = await exchange.on(chunk(SMART, end=True))
    assert set(turn.reply.edit.remove) == {*present, "x-mine"}
    assert not set(present) & dict(turn.reply.edit.set).keys()
    assert json.loads(turn.reply.body)["model"] == "m"


async def test_the_callers_own_key_is_given_to_the_provider_that_takes_it_and_to_no_other() -> None:
    scene = Scene()
    metadata = await planned(scene, MINE, headers={"authorization": "Bearer sk-own"})
    for number, key in ((1, "Bearer sk-own"), (2, None)):
        exchange = begun(scene)
        await exchange.on(attempt(scene, metadata, number, present={"authorization": "Bearer stale"}))
        turn = await exchange.on(chunk(MINE, end=True))
        assert dict(turn.reply.edit.set).get("authorization") == key
        assert ("authorization" in turn.reply.edit.remove) is (key is None)
        assert ("sk-own" in str(turn)) is (key is not None)


async def test_an_upload_keeps_its_framing_and_its_kind() -> None:
    scene = Scene()
    metadata = await planned(
        scene,
        None,
        endpoint="audio",
        path="/v1/audio/transcriptions",
        headers={"content-type": "multipart/form-data; boundary=x", "x-extproc-model": "listen"},
    )
    turn = await begun(scene).on(attempt(scene, metadata, present={"transfer-encoding": "chunked"}))
    assert turn.done
    told = dict(turn.reply.edit.set)
    assert (told[":path"], told["content-type"]) == ("/v1/audio/transcriptions", "multipart/form-data; boundary=x")
    assert "content-length" not in told
    assert turn.reply.edit.remove == ("x-mine",)


async def test_a_plan_holds_while_the_shelf_swaps() -> None:
    scene = Scene()
    metadata = await planned(scene, PLAIN)
    event = attempt(scene, metadata)
    scene.shelf.put(snapshot("providers: {alpha: {dialect: openai, base_url: 'http://127.0.0.1:1/v1'}}"))
    assert dict((await begun(scene).on(event)).reply.edit.set)[":authority"] == "127.0.0.1:9001"


async def test_a_processor_without_the_plans_snapshot_serves_where_the_cluster_is_still_the_same() -> None:
    """A cluster's name holds a hash of what it means."""
    scene = Scene()
    metadata = await planned(scene, PLAIN)
    changed = {**metadata, names.META: {**metadata[names.META], names.M_SNAPSHOT: "gone"}}
    assert dict((await begun(scene).on(attempt(scene, changed))).reply.edit.set)[":authority"] == "127.0.0.1:9001"


def without(metadata: Any, namespace: str, **changed: Any) -> Any:
    return {**metadata, namespace: {**metadata[namespace], **changed}}


async def test_what_was_not_planned_fails_closed() -> None:
    scene = Scene()
    metadata = await planned(scene, SMART)
    beta = cluster_of(scene, metadata, 2)
    closed = {
        "another cluster": (attempt(scene, metadata, 1, cluster=beta), "snapshot_lost", 503),
        "no cluster": (attempt(scene, metadata, 1, cluster=""), "snapshot_lost", 503),
        "past the plan": (attempt(scene, metadata, 3, cluster=beta), "snapshot_lost", 503),
        "before the plan": (attempt(scene, metadata, 0, cluster=beta), "snapshot_lost", 503),
        "no targets": (
            attempt(scene, without(metadata, names.META, targets="alpha/m"), cluster=beta), "snapshot_lost", 503,
        ),
        "a provider that is gone": (
            attempt(scene, without(metadata, names.META, targets=["gone/m"]), cluster=beta), "snapshot_lost", 503,
        ),
        "a dialect that nobody speaks": (
            attempt(scene, without(metadata, names.META, dialect="klingon")), "internal_error", 500,
        ),
        "no decision": (attempt(scene, {}, cluster=beta), "internal_error", 500),
        "nothing private": (
            attempt(scene, {names.META: metadata[names.META]}, cluster=beta), "internal_error", 500,
        ),
        "a path that leaves its place": (
            attempt(scene, without(metadata, names.META_PRIVATE, path="/v1/../x", body_model="m", own_fields=[])),
            "unknown_endpoint", 404,
        ),
        "an end where a body must change": (attempt(scene, metadata, end=True), "internal_error", 500),
    }  # fmt: skip
    for what, (event, code, status) in closed.items():
        turn = await begun(scene).on(event)
        assert turn.done, what
        assert (error_of(turn)["code"], turn.reply.status) == (code, status), what


async def test_a_refused_attempt_carries_the_exchanges_id() -> None:
    scene = Scene()
    turn = await begun(scene).on(attempt(scene, await planned(scene, PLAIN), cluster="x"))
    assert (names.REQUEST_ID, ID) in turn.reply.headers


async def test_a_body_whose_headers_were_never_seen_fails_closed() -> None:
    """Envoy would send it to the provider as the caller addressed it."""
    turn = await begun(Scene()).on(BodyEvent("request", b"{}", True))
    assert turn.done
    assert error_of(turn)["code"] == "internal_error"


async def test_a_body_that_is_no_object_any_more_is_refused() -> None:
    scene = Scene()
    exchange = begun(scene)
    await exchange.on(attempt(scene, await planned(scene, SMART)))
    turn = await exchange.on(chunk(b"[]", end=True))
    assert (error_of(turn)["code"], turn.done) == ("invalid_json", True)


async def test_trailers_and_answers_pass() -> None:
    exchange = begun(Scene())
    assert await exchange.on(TrailersEvent("request", Headers())) == Turn(TrailersReply("request"))
    assert await exchange.on(TrailersEvent("response", Headers())) == Turn(TrailersReply("response"), done=True)
    assert await exchange.on(BodyEvent("response", b"", True)) == Turn(BodyReply("response"), done=True)
    exchange.closed()


async def test_what_the_target_cannot_be_told_is_told_of_the_attempt() -> None:
    """And of the next one anew, because Envoy keeps what this one said."""
    scene = Scene(snapshot(PROVIDERS, THINKERS + "routes: [{name: main}]"))
    body = {"model": "thinkers", "messages": [], "temperature": 0.5}
    metadata = await planned(scene, body)
    assert metadata[names.META][names.M_TELL_LOSSES] is True
    told = []
    for number in (1, 2):
        exchange = begun(scene)
        turn = await exchange.on(attempt(scene, metadata, number))
        if not turn.done:
            turn = await exchange.on(chunk(body, end=True))
        told.append(turn.reply.metadata)
    assert told == [{names.META: {names.M_LOSSES: ["temperature"]}}, {names.META: {names.M_LOSSES: []}}]


async def test_the_names_of_losses_fit_into_a_header_whatever_a_caller_calls_its_keywords() -> None:
    claude = "  claude: {dialect: anthropic, credential: sk-c, models: [claude-sonnet-4-5]}\n"
    scene = Scene(snapshot(PROVIDERS + claude, "routes: [{name: main}]"))
    schema = {"type": "object", **{f"{number}\n" + "x" * 5000: 1 for number in range(40)}}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    messages = [{"role": "user", "content": "?"}]
    body = {"model": "claude-sonnet-4-5", "messages": messages, "response_format": form}
    exchange = begun(scene)
    await exchange.on(attempt(scene, await planned(scene, body)))
    turn = await exchange.on(chunk(body, end=True))
    losses = turn.reply.metadata[names.META][names.M_LOSSES]
    assert len(losses) == MOST_LOSSES
    assert all(name.isprintable() and len(name) <= LONGEST_LOSS for name in losses)


async def test_a_first_attempt_that_loses_nothing_tells_nothing() -> None:
    scene = Scene()
    turn = await begun(scene).on(attempt(scene, await planned(scene, PLAIN)))
    assert turn.reply.metadata == {}


async def test_a_route_that_drops_in_silence_tells_no_caller() -> None:
    scene = Scene(snapshot(PROVIDERS, THINKERS + "routes: [{name: main, on_loss: drop}]"))
    metadata = await planned(scene, {"model": "thinkers", "messages": [], "temperature": 0.5})
    assert names.M_TELL_LOSSES not in metadata[names.META]
