"""How fast the target was that answered: its own attempt, whatever went before it.

What Envoy 1.40's records say, found by experiment (a slow upload, targets that fail late, streams whose headers come
long before their first piece):

  attempt's record   `started_at` is when this attempt began, `duration` and `first_upstream_byte` count from there, the
                     latter to the first byte of the answer's *headers*. A stream's first token may be seconds behind.
  exchange's record  everything counts from the first byte of the caller's request: slow uploads, our decision and all
                     earlier attempts are in it. `first_upstream_byte` is the last attempt's, yet counted from there.
  first chunk        witnessed by the answer's filter in Envoy, in milliseconds since the exchange began; of translated
                     answers it is the first translated one.

So a first token is (the exchange's beginning + its first chunk - the attempt's beginning); where the attempt's own
record was lost nobody can say.
"""

from typing import Final

from extproc import names
from extproc.decision.plan import size_class
from extproc.decision.track_record import Speed
from extproc.dialects.endpoints import BY_NAME
from extproc.money import Usage
from extproc.outcome.classify import AttemptResult, client_left, cut
from extproc.outcome.known import Known
from extproc.outcome.record import Record

WITH_OUTPUT: Final = frozenset({"chat", "completions"})
WITH_INPUT_ONLY: Final = frozenset({"embeddings"})
EPOCH_MS: Final = 1e11  # a first chunk's time above this is a moment, below it the milliseconds since the start


def speed(exchange: Record, known: Known, last: AttemptResult, usage: Usage | None) -> Speed | None:
    """None where the last attempt did not answer, or nobody can say."""
    if last.kind != "ok" or last.number != exchange.attempt or not 200 <= exchange.status < 300:
        return None
    if last.started_at is None or last.duration is None:
        return None
    endpoint = BY_NAME.get(known.endpoint)
    family = endpoint.family if endpoint is not None else None
    size = size_class(known.input_estimate)
    if family in WITH_INPUT_ONLY:
        return Speed(size, first_token=last.first_byte)
    if family not in WITH_OUTPUT:
        return None
    first = _first_token(exchange, known, last.started_at)
    whole_time = last.duration if _ended_well(exchange) else None
    return Speed(size, first, _per_token(whole_time, first, usage), usage is not None and not usage.estimated)


def first_chunk(exchange: Record) -> float | None:
    """Seconds from the exchange's beginning to the first piece of its answer's body."""
    said = exchange.metadata.get(names.META_USAGE, {}).get(names.U_FIRST_CHUNK_MS)
    if not isinstance(said, (int, float)) or not 0 <= said < 1e15:
        return None
    return max(said / 1000 - exchange.started_at if said > EPOCH_MS else said / 1000, 0.0)


def _first_token(exchange: Record, known: Known, started_at: float) -> float | None:
    seen = first_chunk(exchange)
    streamed = known.stream and not exchange.response_headers.get("content-type", "").startswith("application/json")
    return max(exchange.started_at + seen - started_at, 0.0) if streamed and seen is not None else None


def _per_token(whole_time: float | None, first: float | None, usage: Usage | None) -> float | None:
    """A whole answer shows no first token: all of its time is its tokens'."""
    if whole_time is None or usage is None:
        return None
    if first is None:
        return whole_time / usage.output if usage.output else None
    return max(whole_time - first, 0.0) / (usage.output - 1) if usage.output > 1 else None


def failed(exchange: Record) -> str | None:
    """The code of the error event that ended its answer, where a stream of ours saw one."""
    said = exchange.metadata.get(names.META_USAGE, {}).get(names.U_FAILED)
    return said if isinstance(said, str) and said else None


def _ended_well(exchange: Record) -> bool:
    return not client_left(exchange) and not cut(exchange) and failed(exchange) is None
