"""How fast a target was: told of its own attempt, whatever went before it."""

from typing import Any

import pytest

from extproc import names
from extproc.decision.track_record import Speed
from extproc.money import Usage
from extproc.outcome.classify import classify
from extproc.outcome.join import Joined
from extproc.outcome.known import known
from extproc.outcome.record import Record
from extproc.outcome.settle import settle
from extproc.outcome.trails import Place, Trails
from tests.outcome.samples import CLAUDE, SMALL, SNAPSHOT, START, attempt, exchange

SAID = {"ten": Usage(10, 11), "none": Usage(10, 0)}
SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


def streamed(first_ms: float | None = 900.0, text: str = "ten", **rest: Any) -> Record:
    """An exchange of two targets; the second begins 0.5 s behind the caller's first byte and streams for 1.4 s."""
    usage: dict[str, Any] = {names.U_TEXT: text}
    if first_ms is not None:
        usage[names.U_FIRST_CHUNK_MS] = first_ms
    told = {names.M_STREAM: True, **rest.pop("told", {})}
    given = {"metadata": {names.META_USAGE: usage}, "duration": 1.9, "response_headers": SSE, "told": told, **rest}
    return exchange(SMALL, CLAUDE, **given)


def speed_of(record: Record, *attempts: Record) -> Speed | None:
    given = attempts or (attempt(SMALL, status=500), attempt(CLAUDE, at=0.5, duration=1.4))
    tried = zip((SMALL, CLAUDE), given, strict=True)
    results = [classify(one, target, number) for number, (target, one) in enumerate(tried, 1)]
    return settle(Joined(record, given, 0), known(record, None), results, SNAPSHOT, SAID.get).speed


def test_the_first_token_counts_from_the_attempt_that_gave_it() -> None:
    """0.9 s behind the caller's first byte, of which 0.5 s went to somebody else."""
    found = speed_of(streamed())
    assert found is not None and found.counted and found.size == 0
    assert found.first_token == pytest.approx(0.4, abs=1e-6)
    assert found.per_token == pytest.approx((1.4 - 0.4) / 10, abs=1e-6)


def test_a_first_chunk_may_be_told_as_a_moment() -> None:
    found = speed_of(streamed((START + 0.9) * 1000))
    assert found is not None and found.first_token == pytest.approx(0.4, abs=1e-6)


def test_a_large_prompt_is_of_a_class_of_its_own() -> None:
    found = speed_of(streamed(told={names.M_INPUT_ESTIMATE: 9000.0}))
    assert found is not None and found.size == 2


def test_a_whole_answer_shows_no_first_token() -> None:
    """All of its time is its tokens'."""
    for record in (streamed(told={names.M_STREAM: False}), streamed(response_headers=JSON)):
        found = speed_of(record)
        assert found is not None and found.first_token is None
        assert found.per_token == pytest.approx(1.4 / 11)


def test_embeddings_have_no_tokens_but_a_first_byte() -> None:
    found = speed_of(streamed(told={names.M_ENDPOINT: "embeddings"}))
    assert found == Speed(0, 0.01)


def test_nobody_waited_for_the_end_so_only_the_beginning_is_told() -> None:
    for gone in (
        {"flags": ["downstream_connection_termination"]},
        {"details": "upstream_reset_after_response_started"},
    ):
        found = speed_of(streamed(**gone))
        assert found is not None and found.per_token is None and found.first_token == pytest.approx(0.4, abs=1e-6)


def test_a_stream_that_failed_behind_its_beginning_tells_no_speed_of_tokens() -> None:
    record = streamed()
    record.metadata[names.META_USAGE][names.U_FAILED] = "upstream_error"  # type: ignore[index]
    found = speed_of(record)
    assert found is not None and found.per_token is None


@pytest.mark.parametrize("text", ["none", "garbled"])
def test_no_output_or_nobody_counted(text: str) -> None:
    found = speed_of(streamed(text=text, response_bytes=0))
    assert found is not None and found.per_token is None


def test_whoever_failed_tells_no_speed() -> None:
    bad = attempt(SMALL, status=500), attempt(CLAUDE, at=0.5, status=500)
    assert speed_of(streamed(status=500), *bad) is None


def test_where_the_attempts_own_record_was_lost_nobody_can_say() -> None:
    """The exchange's times are not the attempt's: a slow upload would be blamed on the target."""
    heard = []
    trails = Trails(lambda result, now: heard.append(result))
    record = exchange(SMALL, duration=9.0)
    results = trails.ended(Joined(record, (), 1), (Place(SMALL, None),), 0.0)
    assert [one.started_at for one in results] == [None] and heard == list(results)
    assert settle(Joined(record, (), 1), known(record, None), results, SNAPSHOT, SAID.get).speed is None
