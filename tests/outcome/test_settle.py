"""A joined exchange and what it comes to."""

from typing import Any

import pytest

from extproc import names
from extproc.decision.track_record import Speed
from extproc.money import Usage
from extproc.observe.outcome import Attempt, Outcome
from extproc.outcome.classify import classify
from extproc.outcome.join import Joined
from extproc.outcome.known import known
from extproc.outcome.record import Record
from extproc.outcome.settle import settle
from extproc.snapshot import Target
from tests.outcome.samples import ANY, CLAUDE, SMALL, SNAPSHOT, START, attempt, exchange

BIG = Target("lab", "big")
SAID = {"prompt": Usage(input=100, output=20)}


def settled(record: Record, *attempts: tuple[Target, Record], missing: int = 0) -> Outcome:
    results = [classify(one, target, number) for number, (target, one) in enumerate(attempts, 1)]
    joined = Joined(record, tuple(one for _, one in attempts), missing)
    return settle(joined, known(record, None), results, SNAPSHOT, SAID.get)


def usage_text(text: Any = "prompt", first: Any = 40.0) -> dict[str, Any]:
    return {names.META_USAGE: {names.U_TEXT: text, names.U_FIRST_CHUNK_MS: first}}


def test_a_plain_answer() -> None:
    """Target, tokens, price of the snapshot, times: all in one value."""
    outcome = settled(exchange(SMALL, metadata=usage_text(), response_bytes=9000), (SMALL, attempt()))
    assert outcome == Outcome(
        id="x1",
        request_id="r1",
        time=START,
        snapshot="s1",
        route="main",
        endpoint="chat",
        caller="ci",
        labels={"team": "blue"},
        model="smart",
        strategy="ordered",
        target="lab/small",
        attempts=(Attempt("lab/small", "ok", 200, "", 250),),
        status=200,
        refusal=None,
        stream=False,
        usage=Usage(input=100, output=20),
        cost=100 * 2_500 + 20 * 10_000,
        ttft_ms=40,
        duration_ms=500,
        details="via_upstream",
        response_bytes=9000,
        speed=Speed(0, None, 0.25 / 20, counted=True),
    )


@pytest.mark.parametrize(
    ("said", "tier"), [("flex", "flex"), ("default", "standard"), (None, "standard"), (5, "standard")]
)
def test_the_tier_of_service_stands_beside_the_usage(said: Any, tier: str) -> None:
    metadata = usage_text()
    metadata[names.META_USAGE][names.U_TIER] = said
    usage = settled(exchange(SMALL, metadata=metadata), (SMALL, attempt())).usage
    assert usage is not None and usage.tier == tier


def test_a_stream_that_ended_with_an_error_event_says_so() -> None:
    metadata = usage_text()
    metadata[names.META_USAGE][names.U_FAILED] = "upstream_error"
    assert settled(exchange(SMALL, metadata=metadata), (SMALL, attempt())).failed == "upstream_error"
    assert settled(exchange(SMALL, metadata=usage_text()), (SMALL, attempt())).failed is None


def test_failover_names_the_target_that_answered_and_each_failure() -> None:
    """The price is the answering target's, listed by its glob."""
    refused = attempt(status=0, flags=["upstream_connection_failure"])
    outcome = settled(exchange(SMALL, CLAUDE, metadata=usage_text()), (SMALL, refused), (CLAUDE, attempt(CLAUDE, at=1)))
    assert outcome.target == "anthropic/claude-3-haiku"
    assert [(one.target, one.why) for one in outcome.attempts] == [
        ("lab/small", "connect_failure"),
        ("anthropic/claude-3-haiku", ""),
    ]
    assert outcome.cost == 100 * 1_000 + 20 * 5_000


def test_a_sink_is_no_target() -> None:
    """People were sent to whom could be reached; the one without a host is told apart."""
    sink = attempt(CLAUDE, at=1, status=0, remote_address="127.0.0.1:0", flags=["upstream_connection_failure"])
    outcome = settled(
        exchange(SMALL, CLAUDE, status=503, flags=["upstream_connection_failure"], details="upstream_reset_before_x"),
        (SMALL, attempt(status=500)),
        (CLAUDE, sink),
    )
    assert outcome.target == "lab/small"
    assert [one.target for one in outcome.real_attempts] == ["lab/small"]
    assert (outcome.refusal, outcome.usage, outcome.cost) == ("no_target_available", None, None)


def test_nothing_but_sinks_leaves_no_target() -> None:
    """Nobody was asked, so nobody is named."""
    sink = attempt(status=0, remote_address="127.0.0.1:0", flags=["upstream_connection_failure"])
    outcome = settled(exchange(SMALL, status=503, flags=["upstream_connection_failure"], details="x"), (SMALL, sink))
    assert outcome.target is None and outcome.real_attempts == () and len(outcome.attempts) == 1


@pytest.mark.parametrize(
    ("told", "record", "usage"),
    [
        ({}, {"response_bytes": 1300}, Usage(12, 100, estimated=True)),
        ({}, {"response_bytes": 440}, Usage(12, 10, estimated=True)),
        ({names.M_STREAM: True}, {"response_bytes": 4000}, Usage(12, 16, estimated=True)),
        ({names.M_ENDPOINT: "embeddings"}, {"response_bytes": 400}, Usage(12, estimated=True)),
        ({names.M_ENDPOINT: "speech"}, {"response_bytes": 400}, None),
        ({}, {"response_bytes": 400, "status": 400}, None),
        ({}, {"response_bytes": 1300, "metadata": usage_text("unread")}, Usage(12, 100, estimated=True)),
        ({}, {"response_bytes": 1300, "metadata": usage_text(7)}, Usage(12, 100, estimated=True)),
    ],
)
def test_what_nobody_counted_is_estimated_and_marked(told: Any, record: Any, usage: Usage | None) -> None:
    """Only for answers that were given, and only where tokens are what is paid for."""
    assert settled(exchange(SMALL, told=told, **record), (SMALL, attempt())).usage == usage


def test_who_leaves_in_the_middle_pays_for_what_was_delivered() -> None:
    """The attempt's own record says ok; the exchange knows better."""
    gone = exchange(
        SMALL,
        told={names.M_STREAM: True},
        flags=["downstream_connection_termination"],
        details="downstream_remote_disconnect",
        response_bytes=2500,
    )
    outcome = settled(gone, (SMALL, attempt()))
    assert outcome.client_left and not outcome.cut and outcome.refusal is None
    assert outcome.usage == Usage(12, 10, estimated=True) and outcome.cost == 12 * 2_500 + 10 * 10_000
    assert [(one.kind, one.why) for one in outcome.attempts] == [("cancelled", "client_left")]


def test_a_cut_stream_is_no_clean_end() -> None:
    """It has a status of 200 and is marked as cut."""
    record = exchange(SMALL, flags=["upstream_protocol_error"], details="upstream_reset_after_response_started{x}")
    outcome = settled(record, (SMALL, attempt(flags=["upstream_protocol_error"])))
    assert outcome.cut and not outcome.client_left and outcome.status == 200 and outcome.attempts[0].why == "cut"


def test_an_attended_exchange_settles_by_what_was_counted() -> None:
    """Numbers of Envoy's metadata are doubles; every kind travels, and so does the tier."""
    usage = Usage(100, 20, cached_input=64, cache_write_1h=10, audio_output=5, tier="flex")
    counted = {names.U_COUNTED: {kind: float(number) for kind, number in usage.as_numbers().items()}}
    outcome = settled(exchange(SMALL, metadata={names.META_USAGE: counted}), (SMALL, attempt()))
    assert outcome.usage == usage


@pytest.mark.parametrize("target", [BIG, ANY])
def test_an_unpriced_target_costs_nothing_that_we_know(target: Target) -> None:
    """None, which is not zero."""
    outcome = settled(exchange(target, metadata=usage_text()), (target, attempt(target)))
    assert outcome.cost is None and outcome.usage == Usage(input=100, output=20)


def test_an_attempt_that_nobody_told_us_of_is_unknown() -> None:
    """Envoy counted two; the first one's record was lost."""
    joined = Joined(exchange(SMALL, CLAUDE), (attempt(CLAUDE),), 1)
    outcome = settle(joined, known(joined.exchange, None), [classify(attempt(CLAUDE), CLAUDE, 2)], SNAPSHOT, SAID.get)
    assert [(one.target, one.kind) for one in outcome.attempts] == [
        ("lab/small", "unknown"),
        ("anthropic/claude-3-haiku", "ok"),
    ]
    assert outcome.lost_records == 1


@pytest.mark.parametrize(
    ("first", "ttft"),
    [
        (40.0, 40),
        (START * 1000 + 70, 70),
        (START * 1000 - 5, 0),
        (-1.0, None),
        ("x", None),
        (None, None),
        (1e300, None),
    ],
)
def test_the_first_chunk_is_counted_from_the_start(first: Any, ttft: int | None) -> None:
    """Whether it comes as milliseconds since then or as a moment."""
    outcome = settled(exchange(SMALL, metadata=usage_text(first=first)), (SMALL, attempt()))
    assert outcome.ttft_ms == ttft


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (
            {"status": 504, "details": "upstream_per_try_timeout", "flags": ["upstream_request_timeout"]},
            "upstream_timeout",
        ),
        ({"status": 503, "details": "no_healthy_upstream", "flags": ["no_healthy_upstream"]}, "no_target_available"),
        ({"status": 503, "details": "cluster_not_found", "flags": ["no_cluster_found"]}, "no_target_available"),
        ({"status": 503, "details": "overflow", "flags": ["upstream_overflow"]}, "no_target_available"),
        ({"status": 502, "details": "upstream_reset_before_x", "flags": ["upstream_remote_reset"]}, "upstream_failed"),
        ({"status": 503, "details": "ext_proc_error_gRPC_error_14{x}"}, "processor_unavailable"),
        ({"status": 413, "details": "request_payload_too_large"}, "request_too_large"),
        ({"status": 404, "details": "route_not_found", "flags": ["no_route_found"]}, "route_not_found"),
        ({"status": 503, "details": "snapshot_lost{via_upstream}"}, "snapshot_lost"),
        ({"status": 400, "details": "http1.codec_error"}, None),
        ({"status": 503, "details": "via_upstream", "flags": ["upstream_retry_limit_exceeded"]}, None),
        (
            {"status": 403, "details": "model_not_allowed", "told": {names.M_REFUSAL: "model_not_allowed"}},
            "model_not_allowed",
        ),
    ],
)
def test_refusals_are_ours_or_those_that_envoy_says_in_our_name(record: Any, code: str | None) -> None:
    """What an upstream answered is none."""
    assert settled(exchange(**record)).refusal == code


def test_what_a_batch_tells_of_usage_is_not_this_exchanges() -> None:
    """It tells it each time it is looked at."""
    witnessed = {names.META_USAGE: {names.U_TEXT: next(iter(SAID))}}
    record = exchange(SMALL, metadata=witnessed)
    assert settled(record, (SMALL, attempt())).usage is not None
    record.metadata[names.META][names.M_ENDPOINT] = "batch"
    outcome = settled(record, (SMALL, attempt()))
    assert outcome.usage is None and outcome.cost is None


def test_an_exchange_that_never_reached_us_is_still_told() -> None:
    """The route's name says what it was; its id is Envoy's."""
    record = exchange(SMALL, metadata={names.META: {}}, route_name=names.route_key("s1", "files", "service"))
    outcome = settle(Joined(record, (), 1), known(record, None), [], SNAPSHOT, SAID.get)
    assert (outcome.id, outcome.route, outcome.endpoint, outcome.target) == ("r1", "files", "service", None)
    assert outcome.attempts == () and outcome.usage is None


@pytest.mark.parametrize(("output", "size", "comes_to"), [(1, 250_000, 1000), (3000, 250_000, 3000)])
def test_output_that_was_not_counted_to_its_end_is_told_by_its_size(output: int, size: int, comes_to: int) -> None:
    """A caller left, or the stream broke, before the provider counted: what was read is known, what was written not."""
    told = Usage(100, output, cached_input=64, estimated=True)
    record = exchange(SMALL, metadata={names.META_USAGE: {names.U_COUNTED: told.as_numbers()}}, response_bytes=size)
    record.metadata[names.META][names.M_STREAM] = True
    assert settled(record, (SMALL, attempt())).usage == Usage(100, comes_to, cached_input=64, estimated=True)


def test_input_that_was_cached_as_a_whole_and_not_counted_is_estimated() -> None:
    told = {names.U_COUNTED: Usage(0, 9, estimated=True).as_numbers()}
    record = exchange(SMALL, metadata={names.META_USAGE: told}, response_bytes=50_000)
    assert settled(record, (SMALL, attempt())).usage == Usage(12, 9, estimated=True)
