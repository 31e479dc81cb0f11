"""Attended answers: what the processor may do with them on the real Envoy."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from extproc import names
from extproc.snapshot import Limits
from extproc.wire.pb import external_processor_pb2 as pb
from tests.dataplane.attending import STREAMED, WHOLE, Attending, as_it_is, instead
from tests.dataplane.envoy import eventually, running
from tests.dataplane.processor import PARTLY, mutation, serving
from tests.dataplane.snapshots import llm, provider, snapshot
from tests.dataplane.upstream import Upstream, answering
from tests.dataplane.world import World

pytestmark = pytest.mark.envoy
MIB = 1 << 20
UPSTREAM = Upstream()


@pytest.fixture(scope="module", params=[64 * 1024, 32 * MIB], ids=["small requests", "default"])
def running_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """What a request may be at most is one limit; what an answer may be, another."""
    with answering(UPSTREAM):
        parts = (provider("good", UPSTREAM.endpoint), replace(llm(), attend=True))
        made = replace(snapshot(*parts), limits=Limits(body=request.param))
        with running(made) as envoy, serving(Attending(), envoy.place) as processor:
            eventually(lambda: envoy.ask("GET", "/v1/models", {"x-plan": "good"}).status == 200, within=10)
            yield World(envoy, processor)


@pytest.fixture
def attending(running_world: World) -> Iterator[tuple[World, Attending]]:
    fresh, processor = Upstream(), running_world.processor
    assert isinstance(processor, Attending)
    for name in ("status", "headers", "body", "chunks", "pause"):
        setattr(UPSTREAM, name, getattr(fresh, name))
    processor.pieces.clear()
    processor.opened.clear()
    processor.mode, processor.head, processor.change, processor.thinks = WHOLE, {}, as_it_is, lambda: None
    processor.decision = {names.M_ATTENDED: True}
    yield running_world, processor


# --- whole answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [1000, 2 * MIB, 20 * MIB, 31 * MIB])
def test_a_whole_answer_is_replaced(attending: tuple[World, Attending], size: int, chunked: bool) -> None:
    """Body, headers and status; the answer filter still sees it."""
    world, processor = attending
    _answers(size, chunked)
    processor.change = lambda data, whole: instead(
        data[::-1] + b"!", content_type="application/x-new", content_length=str(len(data) + 1), **{":status": "418"}
    )
    answer = world.chat("good")
    assert (answer.status, answer.headers["content-type"]) == (418, "application/x-new")
    assert (len(answer.body), answer.headers["content-length"]) == (size + 1, str(size + 1))
    assert processor.pieces == [size]
    assert answer.headers[names.TARGET] == "good/m"


def test_one_of_unknown_length_is_replaced(attending: tuple[World, Attending]) -> None:
    """It goes on in chunks."""
    world, processor = attending
    _answers(20 * MIB, chunked=True)
    processor.mode = PARTLY
    processor.change = lambda data, whole: instead(data[:-1] if whole else b"", **{":status": "418"})
    answer = world.chat("good")
    assert (answer.status, len(answer.body), answer.headers["transfer-encoding"]) == (418, 20 * MIB - 1, "chunked")


@pytest.mark.parametrize("size", [1000, 20 * MIB])
def test_another_answer_stands_in_for_it(attending: tuple[World, Attending], size: int) -> None:
    world, processor = attending
    _answers(size, chunked=True)
    processor.change = _refused
    answer = world.chat("good")
    assert (answer.status, answer.code) == (502, "garbled")
    assert answer.headers[names.REQUEST_ID] == world.id
    assert (answer.headers[names.TARGET], answer.headers[names.ATTEMPTS]) == ("good/m", "1")


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
def test_one_that_is_too_large_can_be_refused(attending: tuple[World, Attending], chunked: bool, slow: bool) -> None:
    """Also where all that Envoy can hold is there before the processor has answered the headers."""
    world, processor = attending
    _answers(48 * MIB, chunked)
    seen: list[tuple[int, bool]] = []
    processor.mode = PARTLY
    processor.thinks = lambda: time.sleep(0.4) if slow else None
    processor.change = lambda data, whole: (seen.append((len(data), whole)), _refused(data, whole))[1]
    answer = world.chat("good")
    assert (answer.status, answer.code) == (502, "garbled")
    ((size, whole),) = seen
    assert 32 * MIB < size <= 48 * MIB and (size == 48 * MIB or not whole)  # the end may come behind the last byte


# --- streams ---------------------------------------------------------------------------------------------------------

EVENTS = [f'data: {{"n":{n}}}\n\n'.encode() for n in range(5)]
FRAMES = [bytes([0, 0, 0, 16]) + bytes(range(n, n + 12)) for n in range(5)]
LINES = [f'{{"n":{n}}}\n'.encode() for n in range(5)]


@pytest.mark.parametrize(
    ("kind", "pieces"),
    [
        ("text/event-stream", EVENTS),
        ("application/vnd.amazon.eventstream", FRAMES),
        ("application/x-ndjson", LINES),
    ],
)
def test_a_stream_is_changed_piece_by_piece(attending: tuple[World, Attending], kind: str, pieces: list[bytes]) -> None:
    """One piece grows to many, one is dropped, something is added behind the last."""
    world, processor = attending
    UPSTREAM.headers, UPSTREAM.chunks, UPSTREAM.pause = {"content-type": kind}, tuple(pieces), 0.02
    processor.mode, processor.head = STREAMED, {"content-type": "text/event-stream"}

    def change(data: bytes, last: bool) -> object:
        grown = data.replace(pieces[1], b"").replace(pieces[2], pieces[2] + b"~" * 200_000)
        return instead(grown + (b"[the end]" if last else b""))

    processor.change = change
    answer = world.chat("good")
    expected = [pieces[0], pieces[2] + b"~" * 200_000, pieces[3], pieces[4], b"[the end]"]
    assert answer.body == b"".join(expected)
    assert answer.headers["content-type"] == "text/event-stream" and "content-length" not in answer.headers


def test_a_large_stream_passes(attending: tuple[World, Attending]) -> None:
    world, processor = attending
    _answers(60 * MIB, chunked=True)
    processor.mode = STREAMED
    assert len(world.chat("good").body) == 60 * MIB
    assert sum(processor.pieces) == 60 * MIB


def _answers(size: int, chunked: bool) -> None:
    body = b"x" * size
    UPSTREAM.body = body
    UPSTREAM.chunks = tuple(body[at : at + 65_536] for at in range(0, size, 65_536)) if chunked else None


def _refused(_: bytes, __: bool) -> object:
    return pb.ProcessingResponse(
        immediate_response=pb.ImmediateResponse(
            status=pb.HttpStatus(code=502),
            headers=mutation({"content-type": "application/json"}),
            body=json.dumps({"error": {"code": "garbled"}}).encode(),
            details="extproc_upstream_garbled",
        )
    )
