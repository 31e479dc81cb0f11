"""The breaker of one target, on a clock of the test's."""

import math
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.decision.breaker import LONGEST_RETRY_AFTER, Breaker
from extproc.decision.plan import Observation
from extproc.snapshot import BreakerSpec

SPEC = BreakerSpec()
FRESH = Breaker(SPEC)
FOUR = reduce(lambda breaker, n: breaker.failure(float(n)), range(4), FRESH)
SHUT = FOUR.failure(4.0)  # until 64
PROBING = 64.0


def test_five_failures_in_a_row_shut_a_target_for_a_minute() -> None:
    assert FOUR.observation(4.0) == Observation()
    assert SHUT.observation(4.0) == Observation("shut", 64.0, why="5 failures in a row")
    assert SHUT.observation(63.9).breaker == "shut"


def test_a_success_begins_the_count_anew_and_leaves_no_trace() -> None:
    assert FOUR.success(5.0) == FRESH
    assert FOUR.success(5.0).failure(6.0).observation(6.0).breaker == "serving"


def test_what_began_before_it_was_shut_neither_opens_it_nor_keeps_it_shut_for_longer() -> None:
    assert SHUT.success(30.0) == SHUT
    assert SHUT.failure(30.0) == SHUT


def test_behind_the_minute_only_so_many_probes_are_out_at_once() -> None:
    breaker = SHUT
    for left in (3, 2, 1):
        assert breaker.observation(PROBING).breaker == "probing"
        assert breaker.observation(PROBING).probes_left == left
        breaker = breaker.probe_started(PROBING)
    seen = breaker.observation(PROBING + 1)
    assert (seen.probes_left, seen.reopens_at) == (0, PROBING + 60)
    assert breaker.probe_ended(PROBING + 2).observation(PROBING + 2).probes_left == 1


def test_a_probe_that_is_never_heard_of_again_stops_counting() -> None:
    breaker = SHUT.probe_started(PROBING, timeout=10.0)
    assert breaker.observation(PROBING + 9.9).probes_left == 2
    assert breaker.observation(PROBING + 10).probes_left == 3
    assert breaker.probe_started(PROBING + 10).probes == (PROBING + 70,)


def test_one_good_probe_closes_it() -> None:
    assert SHUT.probe_started(PROBING).success(PROBING + 1) == FRESH


def test_a_failed_probe_shuts_it_again_at_once() -> None:
    again = SHUT.probe_started(PROBING).failure(PROBING + 1)
    assert again.observation(PROBING + 1) == Observation("shut", PROBING + 61, why="6 failures in a row")
    assert again.observation(PROBING + 61).probes_left == 3


def test_probes_are_counted_only_while_probing() -> None:
    assert FRESH.probe_started(0.0) == FRESH
    assert FRESH.probe_ended(0.0) == FRESH
    assert SHUT.probe_started(10.0) == SHUT


def test_a_429_takes_the_target_out_for_its_retry_after_only_and_is_no_failure() -> None:
    limited = FOUR.rate_limited(20.0, 5.0)
    assert limited.observation(24.9) == Observation("shut", 25.0, why="rate limited")
    assert limited.observation(25.0) == Observation()
    assert limited.failures == 4
    assert limited.rate_limited(1.0, 6.0).observation(6.0).reopens_at == 25.0
    assert limited.success(6.0).observation(6.0).breaker == "shut"
    assert limited.success(30.0) == FRESH


@pytest.mark.parametrize("retry_after", [None, 0.0, -3.0, math.nan])
def test_a_429_that_says_no_time_changes_nothing(retry_after: float | None) -> None:
    assert FOUR.rate_limited(retry_after, 5.0) == FOUR


def test_a_retry_after_is_believed_for_an_hour_at_most() -> None:
    assert FRESH.rate_limited(1e9, 0.0).observation(0.0).reopens_at == LONGEST_RETRY_AFTER
    assert FRESH.rate_limited(math.inf, 0.0).observation(0.0).reopens_at == LONGEST_RETRY_AFTER


def test_shut_and_limited_it_stays_out_for_the_longer_of_both() -> None:
    assert SHUT.rate_limited(5.0, 5.0).observation(6.0).reopens_at == 64.0
    assert SHUT.rate_limited(100.0, 5.0).observation(6.0).reopens_at == 105.0
    limited_while_probing = SHUT.probe_started(PROBING).rate_limited(5.0, PROBING)
    assert limited_while_probing.observation(PROBING).why == "rate limited"
    assert limited_while_probing.observation(PROBING + 5).probes_left == 3


def test_threshold_and_times_are_the_specs() -> None:
    breaker = Breaker(BreakerSpec(failure_threshold=1, timeout=2.0, half_open_requests=1)).failure(0.0)
    assert breaker.observation(1.9).breaker == "shut"
    assert breaker.observation(2.0).probes_left == 1


EVENTS = st.sampled_from(("failure", "success", "limited", "started", "ended"))


@given(st.lists(st.tuples(EVENTS, st.floats(0, 50)), max_size=60))
def test_whatever_happens_a_breaker_promises_at_most_its_probes_and_opens_in_time(
    story: list[tuple[str, float]],
) -> None:
    """No order of events shuts a target for ever or promises more probes than allowed."""
    breaker, now = FRESH, 0.0
    for event, passed in story:
        now += passed
        breaker = {
            "failure": lambda b, t: b.failure(t),
            "success": lambda b, t: b.success(t),
            "limited": lambda b, t: b.rate_limited(30.0, t),
            "started": lambda b, t: b.probe_started(t),
            "ended": lambda b, t: b.probe_ended(t),
        }[event](breaker, now)
        seen = breaker.observation(now)
        assert 0 <= seen.probes_left <= SPEC.half_open_requests
        if seen.breaker == "shut":
            assert seen.reopens_at is not None
            assert now < seen.reopens_at <= now + SPEC.timeout
    later = breaker.observation(now + SPEC.timeout)
    assert later.breaker == "serving" or later.probes_left == SPEC.half_open_requests
