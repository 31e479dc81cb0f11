"""Attempts without a host are counted until their exchange ends."""

from extproc.outcome.record import Record
from extproc.outcome.sinks import SinkCount


def attempt(request_id: str, address: str) -> Record:
    return Record("attempt", request_id, True, 0, remote_address=address)


def test_only_attempts_at_the_sink_count() -> None:
    sinks = SinkCount()
    sinks.record(attempt("r", "127.0.0.1:0"))
    sinks.record(attempt("r", "10.0.0.1:443"))
    sinks.record(attempt("other", "127.0.0.1:0"))
    assert (sinks.of("r"), sinks.of("other"), sinks.of("unknown")) == (1, 1, 0)


def test_an_ended_exchange_is_forgotten() -> None:
    sinks = SinkCount()
    sinks.record(attempt("r", "127.0.0.1:0"))
    sinks.record(Record("exchange", "r", True, 503))
    assert sinks.of("r") == 0


def test_memory_is_bounded_and_the_oldest_goes_out() -> None:
    sinks = SinkCount(limit=2)
    for request_id in ("a", "b", "c"):
        sinks.record(attempt(request_id, "127.0.0.1:0"))
    assert [sinks.of(request_id) for request_id in ("a", "b", "c")] == [0, 1, 1]
