"""An error that is held until it is known of which class it is: released, or given to the next target."""

import gzip
import json

import pytest

from extproc import names
from extproc.exchange.held import LARGEST_HELD, NEXT_TARGET, RELEASE
from extproc.protocol.replies import MoreTime, Turn
from tests.exchange.attempts import attempt, begun, cluster_of, planned
from tests.exchange.scene import TRAILERS, Scene, answer, chunk

HOLD = Turn(MoreTime(600.0))
SMART = {"model": "smart", "messages": []}


def error(code: str | None, message: str = "no") -> bytes:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error", "code": code}}).encode()


TOO_LONG, OTHER = error("context_length_exceeded"), error("invalid_value")


async def held(route: str = "classes"):
    """An attempt in the twin of its cluster, whose request has gone out."""
    scene = Scene()
    metadata = await planned(scene, SMART, route=route)
    exchange = begun(scene)
    twin = metadata[names.META_PLAN]["priority_groups"][0]["clusters"][0]["cluster_name"]
    assert twin == cluster_of(scene, metadata, 1) + names.HELD_SUFFIX
    await exchange.on(attempt(scene, metadata, cluster=twin))
    assert not (await exchange.on(chunk(SMART, end=True))).done, "the stream stays for the answer"
    return exchange


async def test_whole_answers_are_held_too_but_never_the_last_targets() -> None:
    metadata = await planned(Scene(), SMART, route="classes")
    groups = metadata[names.META_PLAN]["priority_groups"]
    assert [group["clusters"][0]["cluster_name"].endswith(names.HELD_SUFFIX) for group in groups] == [True, False]


async def test_a_good_answer_is_let_go_with_its_headers() -> None:
    for kind in ("application/json", "text/event-stream"):
        assert await (await held()).on(answer("200", kind)) == RELEASE


@pytest.mark.parametrize("status", ["408", "409", "425", "429", "500", "503", "529"])
async def test_what_envoy_retries_by_itself_is_let_go_with_its_headers(status: str) -> None:
    assert await (await held()).on(answer(status, "application/json")) == RELEASE


@pytest.mark.parametrize(
    ("status", "body", "end"),
    [
        pytest.param("400", TOO_LONG, NEXT_TARGET, id="a class of the list"),
        pytest.param("400", OTHER, RELEASE, id="another class"),
        pytest.param("401", error("invalid_api_key"), NEXT_TARGET, id="a class by its status"),
        pytest.param("404", b"<html>", NEXT_TARGET, id="without a body of the dialect"),
        pytest.param("422", b"", RELEASE, id="a class that nobody listed"),
    ],
)
async def test_the_class_decides_wherever_the_chunks_are_cut(status: str, body: bytes, end: Turn) -> None:
    for cut in range(0, len(body) + 1, 5):
        exchange = await held()
        assert await exchange.on(answer(status, "application/json")) == HOLD
        assert await exchange.on(chunk(body[:cut], direction="response")) == HOLD
        assert await exchange.on(chunk(body[cut:], end=True, direction="response")) == end


@pytest.mark.parametrize(("status", "end"), [("401", NEXT_TARGET), ("400", RELEASE)])
async def test_an_error_without_a_body_is_classed_by_its_status(status: str, end: Turn) -> None:
    assert await (await held()).on(answer(status, end=True)) == end
    exchange = await held()
    assert await exchange.on(answer(status)) == HOLD
    assert await exchange.on(TRAILERS) == end


async def test_a_compressed_error_is_read() -> None:
    exchange = await held()
    assert await exchange.on(answer("400", "application/json", content_encoding="gzip")) == HOLD
    assert await exchange.on(chunk(gzip.compress(TOO_LONG), end=True, direction="response")) == NEXT_TARGET


async def test_one_that_cannot_be_read_is_classed_by_its_status() -> None:
    exchange = await held()
    await exchange.on(answer("400", "application/json", content_encoding="gzip"))
    assert await exchange.on(chunk(b"not gzip", end=True, direction="response")) == RELEASE


async def test_no_more_than_64_kib_of_an_error_are_held() -> None:
    exchange = await held()
    await exchange.on(answer("404", "text/html"))
    turns = [await exchange.on(chunk(b"x" * 8192, direction="response")) for _ in range(LARGEST_HELD // 8192)]
    assert turns == [*[HOLD] * (len(turns) - 1), NEXT_TARGET]


async def test_a_route_with_first_event_alone_lets_errors_go() -> None:
    scene = Scene()
    metadata = await planned(scene, {**SMART, "stream": True}, route="first")
    exchange = begun(scene)
    await exchange.on(attempt(scene, metadata, cluster=cluster_of(scene, metadata, 1) + names.HELD_SUFFIX))
    await exchange.on(chunk(SMART, end=True))
    assert await exchange.on(answer("400", "application/json")) == RELEASE
