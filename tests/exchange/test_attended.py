"""The one final answer of an attended exchange: its usage counted, the chunk that only we asked for hidden."""

import gzip
import json
from typing import Any

import pytest

from extproc import names
from extproc.exchange.answer import LARGEST_COUNTED
from extproc.protocol.events import BodyEvent
from extproc.protocol.replies import BodyReply, HeadersReply, ImmediateReply, Modes, TrailersReply, Turn
from tests.exchange.attempts import attempt, begun, planned
from tests.exchange.scene import TRAILERS, Scene, answer, chunk, error_of, request, snapshot

STREAM: dict[str, Any] = {"model": "m", "stream": True, "messages": []}
WHOLE: dict[str, Any] = {"model": "m", "messages": []}
GO_ON = Turn(HeadersReply("response"), done=True)

DELTA = b'data: {"choices":[{"delta":{"content":"hi \xe2\x82\xac"}}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":500}}\n\n'
DONE = b"data: [DONE]\n\n"
COUNTED = {"input": 1000, "output": 500}
TOLD = {names.META_USAGE: {names.U_COUNTED: COUNTED}}


async def attended(body: dict[str, Any], route: str):
    scene = Scene()
    exchange = scene.router()
    await exchange.on(request(names.route_key(scene.current.id, route, "chat")))
    turn = await exchange.on(chunk(body, end=True))
    assert isinstance(turn.reply, BodyReply)
    return exchange, turn


@pytest.mark.parametrize(
    ("route", "body", "stays"),
    [
        ("exact", STREAM, True),
        ("exact", {**STREAM, "stream_options": {"include_usage": True}}, False),
        ("exact", WHOLE, False),
        ("attended", STREAM, True),
        ("attended", WHOLE, True),
        ("main", STREAM, False),
    ],
)
async def test_the_stream_stays_only_where_the_answer_must_be_read(route: str, body: Any, stays: bool) -> None:
    _, turn = await attended(body, route)
    assert turn.done is not stays


async def test_a_streams_chunk_that_only_we_asked_for_is_hidden_and_counted_wherever_it_is_cut() -> None:
    whole = DELTA + USAGE + DONE
    for cut in range(len(whole) + 1):
        exchange, _ = await attended(STREAM, "exact")
        turn = await exchange.on(answer())
        modes = Modes(response_headers=True, request_body="NONE", response_body="STREAMED")
        assert (turn.reply.modes, turn.reply.edit.remove, turn.done) == (modes, ("content-length",), False)
        first = await exchange.on(chunk(whole[:cut], direction="response"))
        last = await exchange.on(chunk(whole[cut:], end=True, direction="response"))
        said = [
            part if turn.reply.body is None else turn.reply.body
            for turn, part in ((first, whole[:cut]), (last, whole[cut:]))
        ]
        assert b"".join(said) == DELTA + DONE, f"cut at {cut}"
        assert (first.done, last.done) == (False, True)
        assert last.reply.metadata == TOLD


async def test_usage_is_told_with_the_chunk_that_had_it_so_that_a_caller_who_leaves_then_is_accounted_for() -> None:
    exchange, _ = await attended(STREAM, "exact")
    await exchange.on(answer())
    assert (await exchange.on(chunk(DELTA, direction="response"))).reply.metadata == {}
    assert (await exchange.on(chunk(USAGE, direction="response"))).reply.metadata == TOLD


async def test_chunks_without_news_pass_as_they_are() -> None:
    exchange, _ = await attended(STREAM, "exact")
    await exchange.on(answer())
    assert await exchange.on(chunk(DELTA, direction="response")) == Turn(BodyReply("response"))


async def test_attend_reads_a_stream_and_hides_nothing() -> None:
    exchange, _ = await attended(STREAM, "attended")
    await exchange.on(answer())
    turn = await exchange.on(chunk(DELTA + USAGE + DONE, end=True, direction="response"))
    assert turn == Turn(BodyReply("response", metadata=TOLD), done=True)


@pytest.mark.parametrize("cut", range(1, len(DELTA)))
async def test_where_nothing_is_hidden_half_an_event_passes_when_it_comes(cut: int) -> None:
    """An answer that ends with trailers has no last chunk with which held bytes could still be sent."""
    exchange, _ = await attended(STREAM, "attended")
    await exchange.on(answer())
    for piece in (DELTA[:cut], DELTA[cut:]):
        assert (await exchange.on(chunk(piece, direction="response"))).reply.body is None


async def test_the_provider_is_asked_for_the_usage_that_is_hidden() -> None:
    scene = Scene()
    metadata = await planned(scene, STREAM, route="exact")
    exchange = begun(scene)
    await exchange.on(attempt(scene, metadata))
    turn = await exchange.on(chunk(STREAM, end=True))
    assert json.loads(turn.reply.body)["stream_options"] == {"include_usage": True}


ANSWER = json.dumps({"choices": [{}], "usage": {"prompt_tokens": 1000, "completion_tokens": 500}}).encode()


async def test_a_small_whole_answer_is_buffered_and_gets_its_cost() -> None:
    exchange, _ = await attended(WHOLE, "attended")
    turn = await exchange.on(answer(kind="application/json", content_length=str(len(ANSWER))))
    assert turn.reply.modes == Modes(response_headers=True, request_body="NONE", response_body="BUFFERED")
    turn = await exchange.on(chunk(ANSWER, end=True, direction="response"))
    assert turn.done
    assert turn.reply.body is None
    assert turn.reply.edit.set == (("x-extproc-cost", "0.002"),)
    assert turn.reply.metadata == TOLD


async def test_a_whole_answer_that_is_too_large_is_none() -> None:
    """Envoy hands over what it holds of it: more than anybody reads, and not its end."""
    exchange, _ = await attended(WHOLE, "attended")
    await exchange.on(answer(kind="application/json", content_length=str(len(ANSWER))))
    turn = await exchange.on(chunk(ANSWER, end=False, direction="response"))
    assert (turn.reply.status, error_of(turn)["code"], turn.done) == (502, "upstream_garbled", True)


async def test_of_an_error_that_is_too_large_the_status_says_enough() -> None:
    exchange, _ = await attended(STREAM, "attended")
    turn = await exchange.on(answer("401", "text/html"))
    assert turn.reply.modes == Modes(response_headers=True, request_body="NONE", response_body="BUFFERED_PARTIAL")
    turn = await exchange.on(chunk(b"x" * 1000, end=False, direction="response"))
    assert (turn.reply.status, error_of(turn)["code"], turn.done) == (502, "upstream_auth", True)


async def test_a_compressed_error_is_read() -> None:
    exchange, _ = await attended(STREAM, "attended")
    await exchange.on(answer("429", "application/json", content_encoding="gzip"))
    packed = chunk(gzip.compress(ERROR), end=True, direction="response")
    assert await exchange.on(packed) == Turn(BodyReply("response"), done=True)


async def test_the_price_is_that_of_the_target_that_answered() -> None:
    exchange, _ = await attended({**WHOLE, "model": "smart"}, "attended")
    await exchange.on(answer(kind="application/json", content_length=str(len(ANSWER)), attempt=2))
    turn = await exchange.on(chunk(ANSWER, end=True, direction="response"))
    assert turn.reply.edit.set == ()  # beta has no price
    assert turn.reply.metadata == TOLD


async def test_an_answer_without_usage_gets_no_cost() -> None:
    exchange, _ = await attended(WHOLE, "attended")
    await exchange.on(answer(kind="application/json", content_length="2"))
    assert await exchange.on(chunk(b"{}", end=True, direction="response")) == Turn(BodyReply("response"), done=True)


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(answer(content_encoding="gzip"), id="a compressed stream"),
        pytest.param(answer(end=True), id="no body"),
        pytest.param(answer(kind="audio/mpeg"), id="another kind"),
        pytest.param(answer(kind="application/json"), id="a whole answer of unknown length"),
        pytest.param(answer(kind="application/json", content_length=str(LARGEST_COUNTED + 1)), id="a large one"),
        pytest.param(answer(kind="application/json", content_length="²"), id="a length that is no number"),
        pytest.param(answer(attempt=0), id="no attempt was made"),
        pytest.param(answer(attempt=9), id="an attempt past the plan"),
        pytest.param(answer(attempt=None), id="an attempt that nobody counted"),
    ],
)
@pytest.mark.parametrize("route", ["attended", "exact"])
async def test_everything_else_passes_and_the_stream_ends(route: str, event) -> None:
    exchange, _ = await attended(STREAM, route)
    assert await exchange.on(event) == GO_ON


ERROR = b'{"error": {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}}'


@pytest.mark.parametrize("route", ["attended", "exact"])
async def test_an_error_in_the_callers_dialect_is_read_and_passes(route: str) -> None:
    exchange, _ = await attended(STREAM, route)
    turn = await exchange.on(answer("429", "application/json", content_length=str(len(ERROR))))
    assert turn.reply.modes == Modes(response_headers=True, request_body="NONE", response_body="BUFFERED")
    assert await exchange.on(chunk(ERROR, end=True, direction="response")) == Turn(BodyReply("response"), done=True)


async def test_a_providers_no_to_our_credential_is_not_the_callers_fault() -> None:
    """And nothing of what the provider said of the key is handed on."""
    exchange, _ = await attended(STREAM, "attended")
    await exchange.on(answer("401", "application/json", content_length="60"))
    said = b'{"error": {"message": "Incorrect API key provided: sk-real", "code": "invalid_api_key"}}'
    turn = await exchange.on(chunk(said, end=True, direction="response"))
    assert dict(turn.reply.edit.set)[":status"] == "502"
    assert b"sk-real" not in turn.reply.body
    assert json.loads(turn.reply.body)["error"]["code"] == "upstream_auth"
    assert dict(turn.reply.edit.set)["content-length"] == str(len(turn.reply.body))


async def test_an_error_too_large_to_be_read_is_classed_by_its_status() -> None:
    exchange, _ = await attended(STREAM, "attended")
    turn = await exchange.on(answer("403", "application/json", content_length="300000"))
    assert isinstance(turn.reply, ImmediateReply)
    assert turn.done
    assert turn.reply.status == 502


async def test_envoys_own_answer_passes_as_it_is() -> None:
    exchange, _ = await attended(STREAM, "attended")
    assert await exchange.on(answer("504", "application/json", details="response_timeout")) == GO_ON


async def test_trailers_end_it() -> None:
    exchange, _ = await attended(STREAM, "exact")
    await exchange.on(answer())
    await exchange.on(chunk(DELTA, direction="response"))
    assert await exchange.on(TRAILERS) == Turn(TrailersReply("response"), done=True)


async def test_a_stream_that_breaks_inside_an_event_loses_no_byte() -> None:
    exchange, _ = await attended(STREAM, "exact")
    await exchange.on(answer())
    turn = await exchange.on(BodyEvent("response", DELTA + b'data: {"cho', True))
    assert turn.reply.body is None


CLAUDE = """
providers:
  claude: {dialect: anthropic, base_url: "http://127.0.0.1:9005", credential: k, models: [claude-sonnet-4-5]}
"""


async def claude_answers(headers: Any, *, stream: bool) -> tuple[Any, Turn]:
    scene = Scene(snapshot(CLAUDE, "routes: [{name: main}]"))
    exchange = scene.router()
    await exchange.on(request(names.route_key(scene.current.id, "main", "chat")))
    body = {"model": "claude-sonnet-4-5", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    await exchange.on(chunk(body, end=True))
    return exchange, await exchange.on(headers)


@pytest.mark.parametrize("status", ["204", "302", "304", "307"])
async def test_what_is_no_answer_of_a_translated_provider_is_a_502(status: str) -> None:
    """A redirect that passed would lead the caller's SDK to an API that it does not speak."""
    _, turn = await claude_answers(answer(status, "text/html", end=True, location="https://elsewhere/"), stream=False)
    assert isinstance(turn.reply, ImmediateReply) and turn.reply.status == 502
    assert error_of(turn)["code"] == "upstream_garbled"
    assert "location" not in dict(turn.reply.headers)


async def test_a_stream_that_does_not_say_what_it_is_is_read_as_the_one_that_was_asked_for() -> None:
    exchange, turn = await claude_answers(answer(kind=""), stream=True)
    assert ("content-type", "text/event-stream") in turn.reply.edit.set
    turn = await exchange.on(chunk(b'event: ping\ndata: {"type": "ping"}\n\n', direction="response"))
    assert turn.reply.body == b": keep-alive\n\n"


async def test_what_a_stream_counts_at_its_beginning_is_no_count_of_its_output() -> None:
    exchange, _ = await claude_answers(answer(), stream=True)
    usage = {"input_tokens": 10, "output_tokens": 1}
    begun = {"type": "message_start", "message": {"model": "m", "usage": usage}}
    ended = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 700}}
    told = []
    for event in (begun, ended):
        data = b"data: " + json.dumps(event).encode() + b"\n\n"
        turn = await exchange.on(chunk(data, direction="response"))
        told.append(turn.reply.metadata[names.META_USAGE][names.U_COUNTED])
    assert told == [{"input": 10, "output": 1, "estimated": 1}, {"input": 10, "output": 700}]
