"""The router's stream in the portable form: one target, one cluster by a header, and errors read in the same stream."""

from typing import Any

from extproc import names
from extproc.exchange.router import RouterExchange
from extproc.protocol.replies import BodyReply, HeadersReply, Turn
from tests.exchange.scene import Scene, answer, chunk, request

PASSES = Turn(HeadersReply("response"), done=True)


async def decided(body: dict[str, Any], route: str = "main", **sent: str) -> tuple[Scene, RouterExchange, Turn]:
    scene = Scene()
    exchange = RouterExchange(scene.desk, portable=True)
    await exchange.on(request(names.route_key(scene.current.id, route, "chat"), headers=sent))
    turn = await exchange.on(chunk(body, end=True))
    assert isinstance(turn.reply, BodyReply)
    return scene, exchange, turn


async def test_the_first_target_is_said_as_a_cluster_and_the_route_is_looked_up_anew() -> None:
    scene, _, turn = await decided({"model": "smart", "messages": []})
    said = dict(turn.reply.edit.set)
    assert said[names.CTL_CLUSTER] == scene.current.providers["alpha"].cluster
    assert said[names.ENVOY_MAX_RETRIES] == "0"
    assert turn.reply.clear_route
    told = turn.reply.metadata
    assert told[names.META][names.M_TARGETS] == ["alpha/m"]
    assert told[names.META_WALK] == {names.W_REAL: 1, names.W_TARGET: "alpha/m"}
    assert names.META_PLAN not in told
    assert told[names.META][names.M_REASON].endswith("its Envoy walks no plan, else beta/m would be next")
    assert [str(target) for target, _ in scene.books.reserved] == ["alpha/m"]


async def test_nothing_that_steers_envoy_comes_from_the_caller() -> None:
    sent = {"x-envoy-max-retries": "9", "x-envoy-upstream-rq-timeout-ms": "1", "x-extproc-ctl-cluster": "elsewhere"}
    _, _, turn = await decided({"model": "m", "messages": []}, **sent)
    assert "x-envoy-upstream-rq-timeout-ms" in turn.reply.edit.remove
    assert not {name for name, _ in turn.reply.edit.set} & set(turn.reply.edit.remove)


async def test_the_stream_stays_until_it_is_known_that_the_answer_is_none_to_read() -> None:
    _, exchange, turn = await decided({"model": "m", "messages": []})
    assert not turn.done
    assert await exchange.on(answer()) == PASSES


async def test_an_error_is_read_where_nothing_else_would_be() -> None:
    _, exchange, _ = await decided({"model": "m", "messages": []})
    turn = await exchange.on(answer("401", "application/json"))
    assert turn.reply.modes.response_body.startswith("BUFFERED") and not turn.done
    ended = await exchange.on(chunk(b'{"error": {"message": "no", "type": "t"}}', end=True, direction="response"))
    assert (ended.done, dict(ended.reply.edit.set)[":status"]) == (True, "502")


async def test_what_must_be_read_is_read_as_ever() -> None:
    _, exchange, _ = await decided({"model": "m", "messages": [], "stream": True}, "exact")
    turn = await exchange.on(answer())
    assert turn.reply.modes.response_body == "STREAMED"


async def test_a_services_request_loses_what_steers_envoy_too() -> None:
    scene = Scene()
    exchange = RouterExchange(scene.desk, portable=True)
    sent = {"x-envoy-max-retries": "9", "x-extproc-team": "red", "x-mine": "1"}
    turn = await exchange.on(request(names.route_key(scene.current.id, "bills", "service"), headers=sent))
    assert set(turn.reply.edit.remove) == {"x-envoy-max-retries", "x-extproc-team"}
    assert turn.done
