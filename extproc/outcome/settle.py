"""A joined exchange → its Outcome: the last real target, usage, cost, times.

Law: pure. Usage is what the provider said; where it said nothing an answered chat is estimated, and marked so. The
price is the one of the snapshot under which the exchange was decided. Who leaves in the middle pays for what was
delivered. A sink is no target that anybody was sent to.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from extproc import names
from extproc.dialects.endpoints import BY_NAME, is_by_provider
from extproc.money import Usage, cost, tier_of
from extproc.observe.outcome import Attempt, Outcome
from extproc.outcome.classify import AttemptResult, client_left, cut
from extproc.outcome.join import Joined
from extproc.outcome.known import Known
from extproc.outcome.lookup import price_of
from extproc.outcome.record import Record
from extproc.outcome.refused import refused_by_envoy
from extproc.outcome.speed import WITH_INPUT_ONLY, WITH_OUTPUT, failed, first_chunk, speed
from extproc.snapshot import Snapshot

# What answers of OpenAI-shaped APIs weigh, as a line fitted through recorded ones: a token's bytes, and the envelope's.
BYTES_PER_TOKEN: Final = 5.5
ENVELOPE_BYTES: Final = 750
LEAST_PART: Final = 8  # of a small answer at least this part is text
EVENT_BYTES_PER_TOKEN: Final = 250  # in a stream a token comes in an event of its own, with its envelope around it


def settle(
    joined: Joined,
    known: Known,
    results: Sequence[AttemptResult],
    snapshot: Snapshot | None,
    usage_of: Callable[[str], Usage | None],
) -> Outcome:
    exchange = joined.exchange
    real = [result for result in results if result.kind != "sink"]
    target = real[-1].target if real else None
    usage = _usage(exchange, known, usage_of) if target is not None else None
    price = price_of(snapshot, target) if target is not None else None
    reason = refused_by_envoy(exchange)
    return Outcome(
        id=known.id or exchange.request_id,
        request_id=exchange.request_id,
        time=exchange.started_at,
        snapshot=known.snapshot,
        route=known.route,
        endpoint=known.endpoint,
        caller=known.caller,
        labels=known.labels,
        model=known.model,
        strategy=known.strategy,
        arm=known.arm,
        target=str(target) if target is not None else None,
        attempts=_attempts(exchange, known, results),
        status=exchange.status,
        refusal=known.refusal or (reason.code if reason else None),
        stream=known.stream,
        usage=usage,
        cost=cost(usage, price) if usage is not None and price is not None else None,
        ttft_ms=_first_chunk(exchange),
        duration_ms=_ms(exchange.duration),
        client_left=client_left(exchange),
        cut=cut(exchange),
        flags=tuple(sorted(exchange.flags)),
        details=exchange.details,
        reason=known.reason,
        failed=failed(exchange),
        losses=known.losses if target is not None else (),
        request_bytes=exchange.request_bytes,
        response_bytes=exchange.response_bytes,
        lost_records=joined.missing,
        speed=speed(exchange, known, real[-1], usage) if real else None,
    )


def _attempts(exchange: Record, known: Known, results: Sequence[AttemptResult]) -> tuple[Attempt, ...]:
    """One for each place that Envoy walked; `unknown` where no record told us what became of it."""
    seen = {result.number: result for result in results}
    last = seen.get(exchange.attempt)
    if last is not None and last.kind == "ok" and client_left(exchange):
        # The attempt's own record cannot know: its target had begun to answer, and nobody waited for the end.
        seen[last.number] = replace(last, kind="cancelled", why="client_left")
    walked = min(max([exchange.attempt, *seen]), len(known.targets))
    return tuple(
        _attempt(seen[number]) if number in seen else Attempt(str(known.targets[number - 1]), "unknown", 0, "lost")
        for number in range(1, walked + 1)
    )


def _attempt(result: AttemptResult) -> Attempt:
    return Attempt(str(result.target), result.kind, result.status, result.why, _ms(result.duration))


def _usage(exchange: Record, known: Known, usage_of: Callable[[str], Usage | None]) -> Usage | None:
    if not 200 <= exchange.status < 300 or is_by_provider(known.endpoint):
        return None  # a file or a batch may hold usages: of what has been, each time it is looked at
    witnessed = exchange.metadata.get(names.META_USAGE, {})
    counted = witnessed.get(names.U_COUNTED)
    if isinstance(counted, Mapping):  # an attended exchange: what passed our stream
        return _whole_usage(Usage.from_numbers(counted), exchange, known)
    text = witnessed.get(names.U_TEXT)
    said = usage_of(text) if isinstance(text, str) and text else None
    if said is None:
        return _estimate(exchange, known)
    return replace(said, tier=tier_of(witnessed.get(names.U_TIER))) if said.tier == "standard" else said


def _whole_usage(counted: Usage, exchange: Record, known: Known) -> Usage:
    """Some count the output behind it: of an answer that broke off before, its size tells how much it was. Some leave
    out what they read where all of it was cached."""
    if not counted.estimated:
        return counted
    if not counted.input:
        return replace(counted, input=known.input_estimate)
    return replace(counted, output=max(counted.output, _written(exchange.response_bytes, known.stream)))


def _estimate(exchange: Record, known: Known) -> Usage | None:
    endpoint = BY_NAME.get(known.endpoint)
    family = endpoint.family if endpoint is not None else None
    if family in WITH_OUTPUT:
        output = _written(exchange.response_bytes, known.stream)
        return Usage(input=known.input_estimate, output=output, estimated=True)
    if family in WITH_INPUT_ONLY:
        return Usage(input=known.input_estimate, estimated=True)
    return None


def _written(size: int, stream: bool) -> int:
    """Tokens of an answer of which only the size is known."""
    if stream:
        return size // EVENT_BYTES_PER_TOKEN
    return round(max(size - ENVELOPE_BYTES, size // LEAST_PART) / BYTES_PER_TOKEN)


def _first_chunk(exchange: Record) -> int | None:
    said = first_chunk(exchange)
    return None if said is None else round(said * 1000)


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
