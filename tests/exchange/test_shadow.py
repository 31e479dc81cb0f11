"""A shadow's attempt: made like a real one from the request's own header, and told to the books once."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from extproc import names
from extproc.exchange.shadow import ShadowExchange
from extproc.protocol.events import Context, Headers, HeadersEvent
from extproc.protocol.replies import HeadersReply, Turn
from extproc.snapshot import ShadowSpec, Target
from tests.exchange.scene import ID, Scene, answer, chunk, error_of, snapshot

SMART = {"model": "smart", "messages": [], "team": "a"}


def scene(share: float = 1.0) -> Scene:
    plain = snapshot()
    spec = ShadowSpec(Target("beta", "m"), share)
    return Scene(replace(plain, routes=tuple(replace(route, shadow=spec) for route in plain.routes)))


async def marked(here: Scene, body: Any = SMART, **asked: Any) -> dict[str, str]:
    """The request's headers as the router leaves them."""
    return dict((await here.ask(body, **asked)).reply.edit.set)


def copy(here: Scene, sent: Mapping[str, str], *, end: bool = False, cluster: str | None = None) -> HeadersEvent:
    pairs = {":method": "POST", ":path": "/v1/chat/completions", "x-mine": "1", "content-length": "9", **sent}
    named = here.current.providers["beta"].cluster + names.SHADOW_SUFFIX if cluster is None else cluster
    block = Headers(tuple((name, value.encode()) for name, value in pairs.items()))
    return HeadersEvent("request", block, end, Context({names.ATTR_CLUSTER: named}, {}))


async def test_a_copy_is_addressed_and_changed_for_its_own_target_and_its_answer_is_counted() -> None:
    here = scene()
    sent = await marked(here)
    exchange = ShadowExchange(here.desk)
    assert await exchange.on(copy(here, sent)) == Turn(HeadersReply("request"))
    turn = await exchange.on(chunk(SMART, end=True))
    assert json.loads(turn.reply.body) == {"model": "big-m", "messages": []}
    assert not turn.done and not turn.reply.metadata, "it stays for the answer's headers"
    told = dict(turn.reply.edit.set)
    assert (told[":authority"], told["x-plan"]) == ("127.0.0.1:9002", "basic")
    assert {names.CTL_SHADOW, names.CTL_SHADOW_CALL, names.ENVOY_MAX_RETRIES} <= set(turn.reply.edit.remove)
    ended = await exchange.on(answer("200"))
    assert ended == Turn(HeadersReply("response"), done=True)
    exchange.closed()
    assert (exchange.id, here.books.shadows) == (ID, [("beta/m", "sent"), ("beta/m", "ok")])


async def test_the_plan_the_breakers_and_the_real_attempts_know_nothing_of_it() -> None:
    here = scene()
    turn = await here.ask(SMART)
    assert turn.reply.metadata[names.META][names.M_TARGETS] == ["alpha/m", "beta/m"]
    without = await scene(0.0).ask(SMART)
    assert {**turn.reply.metadata[names.META], names.M_SNAPSHOT: ""} == {
        **without.reply.metadata[names.META],
        names.M_SNAPSHOT: "",
    }
    assert [str(target) for target, _ in here.books.reserved] == ["alpha/m", "beta/m"]


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("204", "ok"),
        ("302", "ok"),
        ("429", "rate_limited"),
        ("401", "caller_error"),
        ("503", "failure"),
        ("", "failure"),
    ],
)
async def test_how_it_went_is_told_by_its_status(status: str, result: str) -> None:
    here = scene()
    exchange = ShadowExchange(here.desk)
    await exchange.on(copy(here, await marked(here)))
    await exchange.on(chunk(SMART, end=True))
    await exchange.on(answer(status))
    exchange.closed()
    assert here.books.shadows[1:] == [("beta/m", result)]


async def test_one_that_ends_without_an_answer_is_told_once() -> None:
    here = scene()
    exchange = ShadowExchange(here.desk)
    await exchange.on(copy(here, await marked(here)))
    exchange.closed()
    exchange.closed()
    assert here.books.shadows[1:] == [("beta/m", "no_answer")]


async def test_one_that_was_never_begun_is_told_to_nobody() -> None:
    here = scene()
    ShadowExchange(here.desk).closed()
    assert here.books.shadows == []


@pytest.mark.parametrize("forged", ["", "e30=", "not base64 at all", "WzEsMl0="])
async def test_without_its_own_header_nothing_is_sent(forged: str) -> None:
    here = scene()
    turn = await ShadowExchange(here.desk).on(copy(here, {names.CTL_SHADOW_CALL: forged}))
    assert (turn.done, turn.reply.status, error_of(turn)["code"]) == (True, 500, "internal_error")


async def test_a_copy_in_another_cluster_than_its_targets_is_refused() -> None:
    here = scene()
    alpha = here.current.providers["alpha"].cluster + names.SHADOW_SUFFIX
    exchange = ShadowExchange(here.desk)
    turn = await exchange.on(copy(here, await marked(here), cluster=alpha))
    exchange.closed()
    assert error_of(turn)["code"] == "snapshot_lost"
    assert here.books.shadows[1:] == [("beta/m", "refused")]


async def test_an_exchange_outside_the_share_or_without_a_plan_marks_nothing() -> None:
    for here, body in ((scene(0.0), SMART), (scene(), {"model": "nobody-serves-this", "messages": []})):
        turn = await here.ask(body)
        lines = getattr(getattr(turn.reply, "edit", None), "set", ())
        assert names.CTL_SHADOW not in dict(lines) and here.books.shadows == []
