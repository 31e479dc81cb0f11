"""The router's stream: identify → facts → decide → reply."""

import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from extproc import names
from extproc.decision.plan import Observation, Plan
from extproc.exchange import router
from extproc.facts.read import read_facts
from extproc.facts.request import Facts
from extproc.protocol.events import BodyEvent, Headers, TrailersEvent
from extproc.protocol.replies import BodyReply, HeadersReply, TrailersReply, Turn
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Limits, RolloutSpec, StrategySpec, Target
from tests.exchange.scene import (
    CALLERS,
    CLAUDE_FIRST,
    ID,
    PROVIDERS,
    ROUTES,
    Scene,
    answer,
    chunk,
    error_of,
    request,
    snapshot,
)

ASKED = {"model": "smart", "messages": [{"role": "user", "content": "hi"}]}


async def test_a_request_is_answered_at_its_body_with_plan_headers_and_metadata_and_then_left_alone() -> None:
    scene = Scene()
    exchange = scene.router()
    key = names.route_key(scene.current.id, "main", "chat")
    event = request(key, headers={"authorization": "Bearer sk-own", "accept-encoding": "br"}, path="/v1/chat?a=1")
    assert await exchange.on(event) == Turn(HeadersReply("request"))
    turn = await exchange.on(chunk({**ASKED, "model": "mine"}, end=True))
    assert turn.done
    reply = turn.reply
    assert isinstance(reply, BodyReply)
    assert (reply.direction, reply.body, reply.clear_route) == ("request", None, True)
    assert dict(reply.edit.set) == {
        "x-envoy-max-retries": "1",
        "x-envoy-upstream-rq-per-try-timeout-ms": "600000",
    }
    assert reply.edit.remove == ("authorization", "accept-encoding")
    decision = reply.metadata[names.META]
    assert (decision["id"], decision["snapshot"], decision["route"]) == (ID, scene.current.id, "main")
    assert decision["targets"] == ["gamma/own", "alpha/m"]
    private = reply.metadata[names.META_PRIVATE]
    assert (private["path"], private["credential"]) == ("/v1/chat?a=1", "sk-own")
    clusters = [group["clusters"][0]["cluster_name"] for group in reply.metadata[names.META_PLAN]["priority_groups"]]
    assert clusters == [scene.current.providers[name].cluster for name in ("gamma", "alpha")]


async def test_a_callers_own_key_goes_no_further_where_no_target_takes_it() -> None:
    turn = await Scene().ask(ASKED, headers={"authorization": "Bearer sk-own"})
    assert "sk-own" not in str(turn)


async def test_a_large_body_is_read_beside_the_loop_and_a_small_one_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def noted(*asked: Any) -> Facts | Refusal:
        threads.append(threading.get_ident())
        return read_facts(*asked)

    monkeypatch.setattr(router, "read_facts", noted)
    large = {**ASKED, "messages": [{"role": "user", "content": "hi " * router.LARGE_BODY}]}
    small, big = await Scene().ask(ASKED), await Scene().ask(large)
    assert threads[0] == threading.get_ident() != threads[1]
    assert small.reply.metadata[names.META]["targets"] == big.reply.metadata[names.META]["targets"]


async def test_the_books_hear_of_every_step_and_then_once_of_the_decision() -> None:
    scene = Scene()
    await scene.ask(ASKED)
    assert scene.books.told == ["reserve alpha/m", "reserve beta/m", "decided"]
    assert {exchange for _, exchange in scene.books.reserved} == {ID}
    assert scene.books.asked_for == [scene.current.id]
    (told,) = scene.books.decisions
    assert isinstance(told.outcome, Plan)
    assert (told.exchange_id, told.request_id, told.snapshot_id) == (ID, "rq-1", scene.current.id)
    assert (told.route, told.endpoint) == ("main", "chat")
    assert told.facts is not None
    assert told.facts.model == "smart"
    assert told.took > 0


async def test_what_was_observed_decides() -> None:
    scene = Scene()
    scene.books.seen = {"alpha/m": Observation("shut", reopens_at=1e9)}
    turn = await scene.ask(ASKED)
    assert turn.reply.metadata[names.META]["targets"] == ["beta/m"]


@pytest.mark.parametrize("size", [1, 2, 7])
async def test_a_body_in_chunks_is_read_when_it_is_whole_wherever_it_was_cut(size: int) -> None:
    """Also inside a character and inside the model's name."""
    scene = Scene()
    body = json.dumps({"model": "m", "messages": [], "team": "Zürich €"}, ensure_ascii=False).encode()
    exchange = scene.router()
    await exchange.on(request(names.route_key(scene.current.id, "main", "chat")))
    for at in range(0, len(body), size):
        assert await exchange.on(chunk(body[at : at + size])) == Turn(BodyReply("request"))
    assert scene.books.told == []
    turn = await exchange.on(chunk(b"", end=True))
    assert turn.done
    assert turn.reply.metadata[names.META]["labels"] == {"team": "Zürich €"}
    assert turn.reply.metadata[names.META_PRIVATE]["body_bytes"] == len(body)


async def test_an_upload_is_decided_at_its_headers_and_its_body_never_asked_for() -> None:
    scene = Scene()
    exchange = scene.router()
    event = request(
        names.route_key(scene.current.id, "main", "audio"),
        path="/v1/audio/transcriptions",
        headers={"content-type": "multipart/form-data; boundary=x", "x-extproc-model": "listen"},
    )
    turn = await exchange.on(event)
    assert turn.done
    assert isinstance(turn.reply, HeadersReply)
    assert turn.reply.clear_route
    assert turn.reply.metadata[names.META]["targets"] == ["alpha/listen"]
    assert "body_bytes" not in turn.reply.metadata[names.META_PRIVATE]
    assert "x-extproc-model" in turn.reply.edit.remove


async def test_an_exchange_is_decided_by_the_snapshot_that_its_route_names_though_a_newer_one_is_current() -> None:
    old = snapshot(PROVIDERS, ROUTES)
    new = snapshot(
        PROVIDERS.replace("[{name: m,", "[{name: n,").replace("m: big-m", "n: big-m"), "routes: [{name: main}]"
    )
    scene = Scene(old, new)
    turn = await scene.ask({"model": "m", "messages": []}, key=names.route_key(old.id, "main", "chat"))
    assert turn.reply.metadata[names.META]["snapshot"] == old.id
    assert turn.reply.metadata[names.META]["targets"] == ["alpha/m", "beta/m"]
    assert scene.books.asked_for == [old.id]


async def test_a_snapshot_that_is_not_known_gives_way_to_the_current_one() -> None:
    """A processor that was started anew has only that one."""
    scene = Scene()
    turn = await scene.ask(ASKED, key=names.route_key("gone", "main", "chat"))
    assert turn.reply.metadata[names.META]["snapshot"] == scene.current.id


async def test_a_swap_between_headers_and_body_changes_nothing_for_who_has_begun() -> None:
    scene = Scene()
    old = scene.current
    exchange = scene.router()
    await exchange.on(request(names.route_key(old.id, "main", "chat")))
    scene.shelf.put(snapshot("providers: {lab: {dialect: ollama}}"))
    turn = await exchange.on(chunk(ASKED, end=True))
    assert turn.reply.metadata[names.META]["snapshot"] == old.id


async def test_a_services_request_passes_at_once_without_ours_and_with_its_own_headers() -> None:
    scene = Scene()
    turn = await scene.ask(
        route="bills",
        endpoint="service",
        path="/billing/1",
        method="PUT",
        headers={"authorization": "Bearer theirs", "x-extproc-team": "a"},
        source="10.0.0.9:1",
    )
    assert turn.done
    assert isinstance(turn.reply, HeadersReply)
    assert not turn.reply.clear_route
    assert (turn.reply.edit.set, turn.reply.edit.remove) == ((), ("x-extproc-team",))
    told = {"id": ID, "snapshot": scene.current.id, "route": "bills", "endpoint": "service"}
    assert turn.reply.metadata == {names.META: told}
    assert scene.books.told == []


def names_in(turn: Turn) -> list[str]:
    return [model["id"] for model in json.loads(turn.reply.body)["data"]]


LIST = {"endpoint": "models", "method": "GET", "path": "/v1/models"}


async def test_models_are_listed_at_the_headers_with_an_id_and_who_asked() -> None:
    scene = Scene(snapshot(PROVIDERS, ROUTES, CALLERS))
    turn = await scene.ask(**LIST, headers={"authorization": "Bearer gw-ci"})
    assert turn.done
    assert (turn.reply.status, turn.reply.details) == (200, "extproc_models")
    assert (names.REQUEST_ID, ID) in turn.reply.headers
    assert names_in(turn) == ["smart", "mine", "m"]
    assert turn.reply.metadata[names.META]["caller"] == "ci"
    assert scene.books.told == []


async def test_models_are_those_of_the_caller_and_of_the_route() -> None:
    scene = Scene(snapshot(PROVIDERS, ROUTES, CALLERS))
    assert names_in(await scene.ask(**LIST, headers={"x-api-key": "gw-nobody"})) == []
    open_to_all = Scene()
    assert names_in(await open_to_all.ask(**LIST)) == ["smart", "mine", "m", "listen", "own"]
    assert names_in(await open_to_all.ask(**LIST, route="only-beta")) == ["smart", "m"]


@pytest.mark.parametrize(("caller", "status"), [("gw-ci", 200), ("gw-nobody", 404)])
async def test_one_model_is_shown_to_who_may_use_it_and_does_not_exist_for_others(caller: str, status: int) -> None:
    scene = Scene(snapshot(PROVIDERS, ROUTES, CALLERS))
    turn = await scene.ask(
        endpoint="model", method="GET", path="/v1/models/m", headers={"authorization": f"Bearer {caller}"}
    )
    assert turn.reply.status == status
    assert ("m" in turn.reply.body.decode()) is True
    assert (b'"owned_by":"alpha"' in turn.reply.body) is (status == 200)


async def test_what_nobody_asked_for_passes() -> None:
    """A body without headers before it, trailers."""
    exchange = Scene().router()
    assert await exchange.on(BodyEvent("request", b"{}", True)) == Turn(BodyReply("request"))
    assert await exchange.on(TrailersEvent("request", Headers())) == Turn(TrailersReply("request"))
    assert await exchange.on(TrailersEvent("response", Headers())) == Turn(TrailersReply("response"))
    assert await exchange.on(BodyEvent("response", b"{}", True)) == Turn(BodyReply("response"))


async def test_an_unattended_exchange_that_still_hears_of_its_answer_leaves_at_once() -> None:
    exchange = Scene().router()
    assert await exchange.on(answer()) == Turn(HeadersReply("response"), done=True)
    exchange.closed()


async def test_a_body_above_the_limit_is_refused_though_envoy_could_hold_it() -> None:
    scene = Scene(replace(snapshot(), limits=Limits(body=100)))
    fits = json.dumps({"model": "m", "messages": []}).encode().ljust(100)
    assert names.META_PLAN in (await scene.ask(fits)).reply.metadata
    turn = await scene.ask(fits + b" ")
    assert (turn.reply.status, error_of(turn)["code"], turn.done) == (413, "request_too_large", True)
    assert scene.books.decisions[-1].outcome.reason is Reason.REQUEST_TOO_LARGE


@pytest.mark.parametrize(
    ("temperature", "targets"),
    [(0.5, ["claude/claude-sonnet-4-5", "alpha/m"]), (1.7, ["alpha/m"])],
)
async def test_where_loss_is_rejected_a_target_that_cannot_be_told_a_value_leaves_the_plan(
    temperature: float, targets: list[str]
) -> None:
    scene = Scene(snapshot(CLAUDE_FIRST))
    body = {"model": "chain", "temperature": temperature, "messages": [{"role": "user", "content": "hi"}]}
    turn = await scene.ask(body)
    assert turn.reply.metadata[names.META][names.M_TARGETS] == targets
    assert [str(target) for target, _ in scene.books.reserved] == targets


@pytest.mark.parametrize("padding", ["", "x" * 100_000])
async def test_where_no_target_stays_the_loss_is_the_refusal(padding: str) -> None:
    scene = Scene(snapshot(CLAUDE_FIRST))
    body = {"model": "alone", "temperature": 1.7, "messages": [{"role": "user", "content": "hi" + padding}]}
    turn = await scene.ask(body)
    assert turn.reply.status == 400
    error = error_of(turn)
    assert (error["code"], error["param"]) == ("unsupported_parameter", "temperature")
    assert scene.books.reserved == []


@pytest.mark.parametrize(
    ("link", "targets"),
    [
        ("data:image/png;base64,AAAA", ["claude/claude-sonnet-4-5", "alpha/m"]),
        ("data:image/tiff;base64,AAAA", ["alpha/m"]),
    ],
)
async def test_a_target_that_cannot_take_a_picture_of_this_kind_leaves_the_plan(link: str, targets: list[str]) -> None:
    scene = Scene(snapshot(CLAUDE_FIRST.replace(", on_loss: reject", "")))
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": link}}]
    turn = await scene.ask({"model": "chain", "messages": [{"role": "user", "content": content}]})
    assert turn.reply.metadata[names.META][names.M_TARGETS] == targets


@pytest.mark.parametrize(
    ("link", "arm"), [("data:image/png;base64,AAAA", "canary"), ("data:image/tiff;base64,AAAA", None)]
)
async def test_the_arm_goes_along_unless_its_target_could_not_take_the_request(link: str, arm: str | None) -> None:
    made = snapshot(
        CLAUDE_FIRST.replace(", on_loss: reject", ", strategy: split").replace(
            "aliases:", "strategies: {split: {kind: ordered}}\naliases:"
        )
    )
    rollout = RolloutSpec((Target("alpha", "m"),), (Target("claude", "claude-sonnet-4-5"),), share=1.0)
    scene = Scene(replace(made, strategies={"split": StrategySpec("split", "canary", rollout=rollout)}))
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": link}}]
    turn = await scene.ask({"model": "m", "messages": [{"role": "user", "content": content}]})
    told = turn.reply.metadata[names.META]
    assert (told.get(names.M_ARM), told[names.M_STRATEGY]) == (arm, "split")
    assert told[names.M_TARGETS][-1] == "alpha/m"
