"""An answer that is held until its first event: released, or given to the next target."""

import pytest

from extproc import names
from extproc.exchange.first_event import LARGEST_HELD
from extproc.protocol.replies import BodyReply, HeaderEdit, HeadersReply, MoreTime, Turn
from tests.dialects.aws_frames import event, exception
from tests.exchange.attempts import attempt, begun, cluster_of, planned
from tests.exchange.scene import TRAILERS, Scene, answer, chunk

RELEASE = Turn(HeadersReply("response"), done=True)
NEXT = Turn(HeadersReply("response", edit=HeaderEdit(set=((names.CTL_RETRY, "1"),))), done=True)
HOLD = Turn(MoreTime(60.0))
STREAM = {"model": "m", "stream": True, "messages": []}

GOOD = b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n'
BAD = b'data: {"error":{"message":"overloaded"}}\n\n'
NAMED = b'event: error\r\ndata: {"type":"error"}\r\n\r\n'
COMMENT = b": PROCESSING\n\n"


async def held(body: dict[str, object] = STREAM):
    """An attempt in the twin of its cluster, whose request has gone out."""
    scene = Scene()
    metadata = await planned(scene, body, route="first")
    exchange = begun(scene)
    twin = cluster_of(scene, metadata, 1) + names.HELD_SUFFIX
    turn = await exchange.on(attempt(scene, metadata, cluster=twin))
    assert not turn.done, "the stream stays for the answer"
    if turn.reply.edit:
        assert await exchange.on(chunk(body, end=True)) == Turn(BodyReply("request"))
    else:
        assert not (await exchange.on(chunk(body, end=True))).done
    return exchange


async def test_a_plan_that_holds_names_the_twins_and_only_for_streams() -> None:
    """But the last: behind it is nobody to go to."""
    scene = Scene()
    for stream in (True, False):
        metadata = await planned(scene, {**STREAM, "model": "smart", "stream": stream}, route="first")
        groups = metadata[names.META_PLAN]["priority_groups"]
        held = [group["clusters"][0]["cluster_name"].endswith(names.HELD_SUFFIX) for group in groups]
        assert held == [stream, False]


@pytest.mark.parametrize("body", [STREAM, {**STREAM, "team": "a"}], ids=["unchanged", "changed"])
async def test_a_changed_body_goes_out_like_an_unchanged_one_and_the_stream_stays(body: dict[str, object]) -> None:
    exchange = await held(body)
    assert await exchange.on(answer()) == HOLD


@pytest.mark.parametrize(
    ("events", "end"),
    [
        pytest.param(GOOD, RELEASE, id="an event that is no error releases"),
        pytest.param(BAD, NEXT, id="an error goes to the next target"),
        pytest.param(NAMED, NEXT, id="an error by its name too"),
        pytest.param(COMMENT + COMMENT + BAD, NEXT, id="comments before an error are no event"),
        pytest.param(COMMENT + GOOD, RELEASE, id="comments before an event are none either"),
        pytest.param(GOOD + BAD, RELEASE, id="an error behind a good event is too late"),
        pytest.param(b"data: [DONE]\n\n", RELEASE, id="an end at once"),
        pytest.param(b"\r\n\r\n" + NAMED, NEXT, id="empty lines before an error"),
    ],
)
async def test_the_first_event_decides_wherever_the_chunks_are_cut(events: bytes, end: Turn) -> None:
    for cut in range(len(events)):
        exchange = await held()
        assert await exchange.on(answer()) == HOLD
        turns = [await exchange.on(chunk(part, direction="response")) for part in (events[:cut], events[cut:])]
        decided = [turn for turn in turns if turn != HOLD]
        assert decided[:1] == [end], f"cut at {cut}"
        assert all(turn == HOLD for turn in turns[: turns.index(end)])


async def test_byte_for_byte_it_is_held_until_the_event_is_whole() -> None:
    exchange = await held()
    await exchange.on(answer())
    turns = [await exchange.on(chunk(bytes([byte]), direction="response")) for byte in BAD]
    assert turns[:-1] == [HOLD] * (len(BAD) - 1)
    assert turns[-1] == NEXT


async def test_64_kib_without_an_event_are_let_go() -> None:
    exchange = await held()
    await exchange.on(answer())
    part = b": " + b"x" * 1022
    turns = [await exchange.on(chunk(part, direction="response")) for _ in range(LARGEST_HELD // len(part))]
    assert turns == [*[HOLD] * (len(turns) - 1), RELEASE]


async def test_comments_alone_do_not_hold_it_for_ever_either() -> None:
    exchange = await held()
    await exchange.on(answer())
    flood = COMMENT * (LARGEST_HELD // len(COMMENT) + 1)
    assert await exchange.on(chunk(flood, direction="response")) == RELEASE


@pytest.mark.parametrize("last", [b"", COMMENT, BAD[:-2]])
async def test_a_stream_that_ends_before_its_first_event_is_released(last: bytes) -> None:
    exchange = await held()
    await exchange.on(answer())
    assert await exchange.on(chunk(last, end=True, direction="response")) == RELEASE


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(answer("500"), id="a failure is Envoy's to retry"),
        pytest.param(answer("429"), id="so is a rate limit"),
        pytest.param(answer("200", "application/json"), id="a whole answer is no stream"),
        pytest.param(answer(end=True), id="an answer without a body"),
        pytest.param(answer(content_encoding="gzip"), id="a stream that cannot be read"),
    ],
)
async def test_what_is_no_readable_stream_is_released_with_its_headers(event) -> None:
    exchange = await held()
    assert await exchange.on(event) == RELEASE


async def test_a_kind_with_parameters_and_capitals_is_a_stream_too() -> None:
    exchange = await held()
    assert await exchange.on(answer(kind="Text/Event-Stream; charset=utf-8")) == HOLD


async def test_the_patience_is_what_the_route_waits_for_a_first_byte() -> None:
    scene = Scene()
    metadata = await planned(scene, STREAM, route="first")
    private = {**metadata[names.META_PRIVATE], names.P_FIRST_BYTE: 7.5}
    exchange = begun(scene)
    twin = cluster_of(scene, metadata, 1) + names.HELD_SUFFIX
    await exchange.on(attempt(scene, {**metadata, names.META_PRIVATE: private}, cluster=twin))
    assert await exchange.on(answer()) == Turn(MoreTime(7.5))


async def test_trailers_while_it_is_held_release_the_headers_that_are_owed() -> None:
    exchange = await held()
    await exchange.on(answer())
    assert await exchange.on(TRAILERS) == RELEASE


@pytest.mark.parametrize(
    ("kind", "stream", "end"),
    [
        ("application/x-ndjson", b'{"message": {"content": "hi"}, "done": false}\n', RELEASE),
        ("application/x-ndjson", b'{"error": "the model runner stopped"}\n', NEXT),
        ("application/x-ndjson", b"no json\n", RELEASE),
        ("application/vnd.amazon.eventstream", event("messageStart", {"role": "assistant"}), RELEASE),
        ("application/vnd.amazon.eventstream", exception("throttlingException", "slow down"), NEXT),
        ("application/vnd.amazon.eventstream", b"this is no frame, whatever else", RELEASE),
    ],
)
async def test_other_framings_are_held_until_their_first_event_too(kind: str, stream: bytes, end: Turn) -> None:
    exchange = await held()
    assert await exchange.on(answer(kind=kind)) == HOLD
    assert await exchange.on(chunk(stream[:4], direction="response")) == HOLD
    assert await exchange.on(chunk(stream[4:], direction="response")) == end
