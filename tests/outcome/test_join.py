"""Exactly one outcome for each exchange record, whatever happens around it."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from extproc.outcome.join import Join, Joined
from extproc.outcome.record import Record
from tests.outcome.samples import CLAUDE, SMALL, attempt, exchange


def collector() -> tuple[list[int], Join]:
    lost: list[int] = []
    return lost, Join(lost.append, grace=1.0, limit=100)


def records_of(request_id: str, attempts: int) -> list[Record]:
    own = [attempt(request_id=request_id, at=0.1 * number) for number in range(attempts)]
    return [*own, exchange(SMALL, request_id=request_id, count=attempts)]


@st.composite
def torn_streams(draw: st.DrawFn) -> tuple[dict[str, int], list[Record]]:
    """The records of some exchanges: shuffled, some attempts lost, any of them doubled."""
    counts = {f"r{index}": draw(st.integers(0, 4)) for index in range(draw(st.integers(1, 6)))}
    records: list[Record] = []
    for request_id, count in counts.items():
        for record in records_of(request_id, count):
            copies = draw(st.integers(1 if record.kind == "exchange" else 0, 3))
            records += [record] * copies
    return counts, draw(st.permutations(records))


@given(torn_streams(), st.lists(st.floats(0, 0.4), max_size=60))
def test_an_exchange_comes_out_once_whatever_the_order(
    torn: tuple[dict[str, int], list[Record]], gaps: list[float]
) -> None:
    """Any order, duplicates and lost attempts: one outcome each, with no attempt twice and none of another's."""
    counts, records = torn
    lost, join = collector()
    out: list[Joined] = []
    now = 0.0
    for index, record in enumerate(records):
        now += gaps[index] if index < len(gaps) else 0.0
        out += join.add(record, now)
        out += join.tick(now)
    out += join.tick(now + 1.0)
    assert sorted(joined.exchange.request_id for joined in out) == sorted(counts)
    for joined in out:
        starts = [record.started_at for record in joined.attempts]
        assert starts == sorted(set(starts))
        assert {record.request_id for record in joined.attempts} <= {joined.exchange.request_id}
        assert len(joined.attempts) + joined.missing == counts[joined.exchange.request_id]
    assert sum(lost) == sum(joined.missing for joined in out)


def test_the_last_record_that_was_missing_ends_the_wait() -> None:
    """Nothing waits for the grace when all is there."""
    _, join = collector()
    first, second, last = records_of("r1", 2)
    assert join.add(last, 0.0) == [] and join.add(second, 0.0) == []
    [joined] = join.add(first, 0.0)
    assert joined == Joined(last, (first, second), 0)
    assert len(join) == 0


def test_an_exchange_without_attempts_does_not_wait() -> None:
    """Refusals, missing clusters and a missing host write no attempt record."""
    _, join = collector()
    assert join.add(exchange(request_id="refused", status=403, details="policy.h"), 0.0)
    no_host = exchange(
        SMALL, request_id="uh", status=503, flags=["no_healthy_upstream"], remote_address="", first_upstream_byte=None
    )
    assert join.add(no_host, 0.0)


def test_a_lost_attempt_costs_the_grace_and_is_counted() -> None:
    """After the grace the exchange comes out with what is there."""
    lost, join = collector()
    first, _, last = records_of("r1", 2)
    assert join.add(first, 0.0) == [] and join.add(last, 5.0) == []
    assert join.tick(5.9) == []
    [joined] = join.tick(6.0)
    assert joined == Joined(last, (first,), 1)
    assert lost == [1]


def test_a_second_record_of_an_exchange_is_ignored() -> None:
    """Also long after the first, and also with another end."""
    _, join = collector()
    [only, last] = records_of("r1", 1)
    assert join.add(only, 0.0) == []
    assert len(join.add(last, 0.0)) == 1
    assert join.add(replace(last, status=500), 9.0) == [] and join.add(only, 9.0) == []
    assert len(join) == 0


def test_periodic_records_change_nothing_but_keep_alive() -> None:
    """A stream of many hours is not given up while Envoy tells that it runs."""
    lost: list[int] = []
    join = Join(lost.append, longest_silence=100.0)
    only, last = records_of("r1", 1)
    assert join.add(only, 0.0) == []
    for minute in range(1, 5):
        assert join.add(replace(last, final=False, attempt=1), minute * 90.0) == []
        assert join.tick(minute * 90.0) == [] and len(join) == 1
    assert len(join.add(last, 400.0)) == 1 and lost == []


def test_attempts_whose_exchange_never_ends_are_given_up() -> None:
    """Their exchange's record is lost, and counted as such."""
    lost: list[int] = []
    join = Join(lost.append, longest_silence=100.0)
    join.add(attempt(), 0.0)
    assert join.tick(99.0) == [] and len(join) == 1
    assert join.tick(100.0) == [] and len(join) == 0
    assert lost == [1]


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    """What had ended still comes out; what had not is counted as lost."""
    lost: list[int] = []
    join = Join(lost.append, limit=2)
    waiting = exchange(SMALL, CLAUDE, request_id="ended")
    assert join.add(waiting, 0.0) == []
    assert join.add(attempt(request_id="a"), 0.1) == []
    [joined] = join.add(attempt(request_id="b"), 0.2)
    assert joined.exchange is waiting and joined.missing == 2
    assert join.add(attempt(request_id="c"), 0.3) == []
    assert lost == [2, 1] and len(join) == 2


def test_a_request_without_an_id_is_let_through_alone() -> None:
    """Envoy gives none to a request that it could not read."""
    _, join = collector()
    broken = exchange(request_id="", status=400, details="http1.codec_error", flags=["downstream_protocol_error"])
    assert join.add(broken, 0.0) == [Joined(broken, (), 0)]
    assert join.add(attempt(request_id=""), 0.0) == [] and len(join) == 0


def test_going_down_lets_out_what_had_ended() -> None:
    """A flush does not wait for the grace."""
    _, join = collector()
    join.add(exchange(SMALL, request_id="r1"), 0.0)
    join.add(attempt(request_id="r2"), 0.0)
    assert [joined.exchange.request_id for joined in join.flush()] == ["r1"]
    assert join.flush() == [] and len(join) == 1
