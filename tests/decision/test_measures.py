"""Decayed means, windows, quotas, throughput and track records: each event makes the next value."""

import math
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.decision.decayed import MOST, Decayed, decayed
from extproc.decision.plan import Measure
from extproc.decision.quota import Quota
from extproc.decision.throughput import Throughput
from extproc.decision.track_record import Speed, TrackRecord
from extproc.decision.window import LENGTH, Window

NONSENSE = [math.nan, math.inf, -math.inf, -1.0, 1e308]


def mean_of(*samples: tuple[float, float]) -> Decayed:
    """Of values and when they came."""
    made = reduce(lambda before, one: decayed(before, one[0], one[1], half_life=10.0), samples, None)
    assert made is not None
    return made


def test_the_first_sample_is_the_mean() -> None:
    assert mean_of((3.0, 5.0)) == Decayed(Measure(3.0, 5.0, 1), 1.0)


def test_samples_of_one_moment_weigh_the_same() -> None:
    assert mean_of((1.0, 5.0), (3.0, 5.0)).measure == Measure(2.0, 5.0, 2)


def test_a_half_life_later_what_was_seen_weighs_half() -> None:
    assert mean_of((1.0, 0.0), (4.0, 10.0)).measure.value == pytest.approx((0.5 * 1.0 + 4.0) / 1.5)


def test_long_afterwards_only_the_latest_counts() -> None:
    assert mean_of(*[(1.0, 0.0)] * 50, (9.0, 1000.0)).measure == Measure(pytest.approx(9.0), 1000.0, 51)


def test_however_many_came_before_the_latest_show() -> None:
    """A thousand within one second do not hold down what comes then."""
    made = mean_of(*[(1.0, 0.0)] * 1000, *[(2.0, 0.1)] * int(MOST))
    assert made.measure.value > 1.6


def test_a_clock_that_goes_back_decays_nothing() -> None:
    assert mean_of((1.0, 10.0), (3.0, 4.0)).measure == Measure(2.0, 10.0, 2)


@pytest.mark.parametrize("sample", NONSENSE)
def test_what_cannot_be_measured_is_no_sample(sample: float) -> None:
    before = mean_of((1.0, 0.0))
    assert decayed(before, sample, 1.0) is before and decayed(None, sample, 1.0) is None
    assert Window().with_sample(sample, 1.0) == Window()


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(-1e4, 1e4)), min_size=1, max_size=60))
def test_a_mean_lies_between_what_was_seen(samples: list[tuple[float, float]]) -> None:
    seen = [value for value, _ in samples]
    made = mean_of(*samples)
    assert min(seen) * 0.999 - 1e-9 <= made.measure.value <= max(seen) * 1.001 + 1e-9
    assert made.measure.samples == len(samples) and 1.0 <= made.weight <= MOST


@pytest.mark.parametrize(("count", "p95"), [(1, 1.0), (19, 19.0), (20, 19.0), (40, 38.0), (100, 95.0)])
def test_the_95th_percentile_is_one_of_the_samples(count: int, p95: float) -> None:
    made = reduce(lambda window, number: window.with_sample(float(number), 0.0), range(count, 0, -1), Window())
    assert made.p95 == Measure(p95, 0.0, count)


def test_a_window_is_bounded_and_forgets_by_time() -> None:
    full = reduce(lambda window, at: window.with_sample(5.0, float(at)), range(300), Window())
    assert len(full.samples) == LENGTH
    later = full.with_sample(1.0, 299.0 + 600.0)
    assert later.samples == ((299.0, 5.0), (899.0, 1.0))
    assert later.with_sample(2.0, 5000.0).p95 == Measure(2.0, 5000.0, 1)


def test_a_quota_holds_until_its_reset_and_is_the_limit_then() -> None:
    said = Quota(3.0, at=10.0, limit=60.0, resets_at=40.0)
    assert said.left_at(10.0) == Measure(3.0, 10.0)
    assert said.left_at(39.9) == Measure(3.0, 39.9)
    assert said.left_at(40.0) == said.left_at(500.0) == Measure(60.0, 40.0)


def test_a_quota_without_a_limit_is_unknown_behind_its_reset() -> None:
    assert Quota(3.0, at=10.0, resets_at=40.0).left_at(40.0) is None


def test_a_quota_without_a_reset_grows_old() -> None:
    assert Quota(3.0, at=10.0, limit=60.0).left_at(900.0) == Measure(3.0, 10.0)


def test_older_news_never_overwrites_newer() -> None:
    newer, older = Quota(3.0, at=10.0), Quota(9.0, at=9.9)
    assert newer.then(older) is newer and older.then(newer) is newer
    again = Quota(2.0, at=10.0)
    assert newer.then(again) is again


def test_throughput_of_one_request_at_a_time_is_its_tokens_over_its_time() -> None:
    """Idle seconds count for nothing."""
    made = Throughput()
    for start in (0.0, 5.0, 10.0):
        made = made.began(start).ended(start + 2.0).produced(100, start + 2.0)
    assert made.measure is not None and made.measure.value == pytest.approx(50.0, rel=0.01)
    assert made.measure.samples == 3 and made.measure.at == 12.0


def test_requests_side_by_side_share_their_seconds() -> None:
    """Four streams of 100 tokens in the same two seconds: the cluster makes 200 a second."""
    made = Throughput().began(0.0)
    for _ in range(4):
        made = made.produced(100, 2.0)
    assert made.ended(2.0).measure == Measure(pytest.approx(200.0, rel=0.01), 2.0, 4)


def test_throughput_follows_a_cluster_that_slows_down() -> None:
    made = Throughput().began(0.0).produced(1000, 10.0).ended(10.0)
    for start in range(1000, 1600, 10):
        made = made.began(float(start)).produced(100, start + 10.0).ended(start + 10.0)
    assert made.measure is not None and made.measure.value == pytest.approx(10.0, rel=0.05)


def test_no_time_tells_no_speed() -> None:
    assert Throughput().began(1.0).produced(5, 1.0).measure is None


def test_failures_and_successes_make_a_share() -> None:
    made = TrackRecord().failed(0.0).succeeded(0.0).succeeded(0.0).succeeded(0.0)
    assert made.errors is not None and made.errors.measure == Measure(0.25, 0.0, 4)


def test_first_tokens_are_kept_by_size_and_in_one_window() -> None:
    made = TrackRecord().answered(Speed(0, 0.1), 1.0).answered(Speed(2, 0.9), 2.0).answered(Speed(0, 0.3), 2.0)
    assert set(made.first_token) == {0, 2} and 0.1 < made.first_token[0].measure.value < 0.3
    assert made.first_token[2].measure == Measure(0.9, 2.0)
    assert made.first_tokens.p95 == Measure(0.9, 2.0, 3) and made.per_token is None


def test_counted_and_estimated_tokens_are_kept_apart() -> None:
    made = TrackRecord().answered(Speed(0, None, 0.5), 1.0).answered(Speed(0, None, 0.02, counted=True), 1.0)
    assert made.per_token is not None and made.per_token.measure.value == 0.02
    assert made.per_token_estimated is not None and made.per_token_estimated.measure.value == 0.5
