"""The stream of an upstream's error: read, and replaced where a caller must not see it."""

import gzip
import json
from typing import Any

import pytest

from extproc import names
from extproc.exchange.errors import ErrorExchange
from extproc.protocol.events import BodyEvent, Context, Headers, HeadersEvent
from extproc.protocol.replies import BodyReply, HeadersReply, ImmediateReply, Modes
from tests.exchange.attempts import planned
from tests.exchange.scene import ID, Scene, chunk, error_of

FINE = b'{"error":{"message":"too many tokens","type":"invalid_request_error","code":"context_length_exceeded"}}'
PLAIN = {"model": "m", "messages": []}


async def shown(scene: Scene, status: int, *, end: bool = False, **headers: str) -> HeadersEvent:
    metadata = await planned(scene, PLAIN)
    pairs: dict[str, Any] = {":status": str(status), "content-type": "application/json"}
    pairs |= {name.replace("_", "-"): value for name, value in headers.items()}
    block = Headers(tuple((name, value.encode()) for name, value in pairs.items()))
    context = Context({names.ATTR_ATTEMPT: 1.0}, {names.META: metadata[names.META]})
    return HeadersEvent("response", block, end, context)


def body(data: bytes, *, whole: bool = True) -> BodyEvent:
    return chunk(data, end=whole, direction="response")


async def test_an_error_in_the_callers_dialect_passes() -> None:
    scene = Scene()
    exchange = ErrorExchange(scene.desk)
    turn = await exchange.on(await shown(scene, 400))
    assert isinstance(turn.reply, HeadersReply) and not turn.done
    assert turn.reply.modes == Modes(True, "NONE", "BUFFERED_PARTIAL")
    turn = await exchange.on(body(FINE))
    assert (turn.reply, turn.done, exchange.id) == (BodyReply("response"), True, ID)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("data", [b'{"error":{"message":"Incorrect API key sk-alpha"}}', b"<html>sk-alpha</html>", b""])
async def test_a_no_to_our_own_key_is_never_the_callers(status: int, data: bytes) -> None:
    scene = Scene()
    exchange = ErrorExchange(scene.desk)
    turn = await exchange.on(await shown(scene, status, end=not data))
    if data:
        turn = await exchange.on(body(data))
    assert isinstance(turn.reply, ImmediateReply)
    assert (turn.reply.status, error_of(turn)["code"]) == (502, "upstream_auth")
    assert b"sk-alpha" not in turn.reply.body


async def test_what_is_no_error_of_the_dialect_becomes_one() -> None:
    scene = Scene()
    exchange = ErrorExchange(scene.desk)
    await exchange.on(await shown(scene, 500, retry_after="7"))
    turn = await exchange.on(body(b"<html>oops</html>"))
    assert isinstance(turn.reply, ImmediateReply)
    assert (turn.reply.status, set(error_of(turn))) == (500, {"message", "type", "param", "code"})
    assert dict(turn.reply.headers)["retry-after"] == "7"


@pytest.mark.parametrize("way", ["said", "cut"])
async def test_a_large_one_is_classed_by_its_status(way: str) -> None:
    scene = Scene()
    exchange = ErrorExchange(scene.desk)
    length = {"content_length": str(1 << 20)} if way == "said" else {}
    turn = await exchange.on(await shown(scene, 401, **length))
    if way == "cut":
        turn = await exchange.on(body(b"x" * (1 << 20), whole=False))
    assert (turn.reply.status, error_of(turn)["code"]) == (502, "upstream_auth")


async def test_a_compressed_one_is_read() -> None:
    scene = Scene()
    exchange = ErrorExchange(scene.desk)
    await exchange.on(await shown(scene, 400, content_encoding="gzip"))
    assert (await exchange.on(body(gzip.compress(FINE)))).reply == BodyReply("response")


@pytest.mark.parametrize("data", [b"not gzip", gzip.compress(b" " * (1 << 20))])
async def test_one_that_cannot_be_read_is_classed_by_its_status(data: bytes) -> None:
    scene = Scene()
    exchange = ErrorExchange(scene.desk)
    await exchange.on(await shown(scene, 401, content_encoding="gzip"))
    turn = await exchange.on(body(data))
    assert json.loads(turn.reply.body)["error"]["code"] == "upstream_auth"


async def test_one_that_is_nobodys_does_not_pass_either() -> None:
    block = Headers(((":status", b"401"),))
    turn = await ErrorExchange(Scene().desk).on(HeadersEvent("response", block, True))
    assert (turn.reply.status, error_of(turn)["code"]) == (502, "upstream_auth")
