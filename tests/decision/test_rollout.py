"""What moves a canary, as a table of moments; and what holds in any weather."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.decision.rollout import Move, Progress, Seen, begin, judge
from extproc.decision.rollout_window import BUCKETS, Numbers, Sample, Window
from extproc.snapshot import Criteria, RolloutSpec, Target

ARMS = ((Target("a", "m"),), (Target("b", "m"),))
FULL = Criteria(error_rate=0.01, latency_p95=2.0, cost_efficiency=0.8)


def spec(**keys: Any) -> RolloutSpec:
    return RolloutSpec(
        *ARMS, **{"share": 0.1, "steps": (0.25, 1.0), "step_every": 60.0, "criteria": FULL, "min_samples": 50, **keys}
    )


def numbers(
    samples: int = 100, failed: int = 0, latency: float | None = 1.0, priced: int | None = None, cost: Any = 10.0
) -> Numbers:
    return Numbers(samples, failed, latency, samples if priced is None else priced, cost)


def after(canary: Numbers, stable: Numbers | None = None, seconds: float = 60.0, **keys: Any) -> tuple[Progress, Any]:
    made = spec(**keys)
    return judge(made, begin(made, 0.0), Seen(canary, stable or numbers()), seconds)


def told(found: tuple[Progress, Move | None]) -> tuple[str, float, str | None]:
    progress, move = found
    return progress.state, progress.share, move.kind if move else None


@pytest.mark.parametrize(
    ("canary", "stable", "seconds", "expected"),
    [
        (numbers(), numbers(), 60, ("running", 0.25, "step")),
        (numbers(), numbers(), 59.9, ("running", 0.1, None)),
        (numbers(samples=49), numbers(), 600, ("running", 0.1, None)),
        (numbers(samples=49, failed=49), numbers(), 600, ("running", 0.1, None)),
        (numbers(samples=50), numbers(), 60, ("running", 0.25, "step")),
        (numbers(samples=50, failed=1), numbers(), 1, ("rolled_back", 0.0, "rollback")),  # 2 % is not below 1 %
        (numbers(samples=100, failed=1), numbers(), 1, ("rolled_back", 0.0, "rollback")),  # nor is 1 %
        (numbers(samples=101, failed=1), numbers(), 60, ("running", 0.25, "step")),
        (numbers(latency=2.0), numbers(), 1, ("rolled_back", 0.0, "rollback")),
        (numbers(latency=1.99), numbers(), 60, ("running", 0.25, "step")),
        (numbers(latency=None), numbers(), 60, ("holding", 0.1, "hold")),
        (numbers(cost=10.0), numbers(cost=8.0), 1, ("rolled_back", 0.0, "rollback")),  # 0.8 is not above 0.8
        (numbers(cost=10.0), numbers(cost=8.1), 60, ("running", 0.25, "step")),
        (numbers(cost=0.0), numbers(cost=8.0), 60, ("running", 0.25, "step")),  # for nothing is cheaper than all
        (numbers(cost=0.0), numbers(cost=0.0), 60, ("running", 0.25, "step")),
        (numbers(cost=1.0), numbers(cost=0.0), 60, ("rolled_back", 0.0, "rollback")),
        (numbers(priced=0, cost=None), numbers(), 60, ("holding", 0.1, "hold")),
        (numbers(), numbers(samples=49), 60, ("holding", 0.1, "hold")),  # too little of stable to compare with
        (numbers(), Numbers(), 60, ("holding", 0.1, "hold")),
        (numbers(), Numbers(), 59, ("running", 0.1, None)),
        (numbers(failed=9), Numbers(), 1, ("rolled_back", 0.0, "rollback")),  # what is broken counts before
    ],
)
def test_moments(canary: Numbers, stable: Numbers, seconds: float, expected: tuple[str, float, str | None]) -> None:
    assert told(after(canary, stable, seconds)) == expected


@pytest.mark.parametrize(
    ("canary", "stable", "words"),
    [
        (numbers(failed=12), None, "its error rate of 12 % is not below 1 %"),
        (numbers(latency=2.5), None, "its latency_p95 of 2.5 s is not below 2 s"),
        (numbers(cost=20.0), None, "its cost_efficiency of 0.5 is not above 0.8"),
        (numbers(), Numbers(), "its cost_efficiency cannot be judged: 0 of 50 samples of the stable arm have a known"),
        (numbers(latency=None), None, "its latency cannot be judged: no exchange told one"),
        (numbers(), None, "every criterion was kept for 60 s at 10 %"),
    ],
)
def test_each_move_says_why(canary: Numbers, stable: Numbers | None, words: str) -> None:
    progress, move = after(canary, stable)
    assert move is not None and words in move.reason and progress.why == move.reason


def test_criteria_that_are_not_asked_are_not_looked_at() -> None:
    ruined = numbers(failed=100, latency=99.0, cost=None)
    assert told(after(ruined, criteria=Criteria())) == ("running", 0.25, "step")


def test_without_steps_it_stays_where_it_is_and_is_judged_all_the_same() -> None:
    made = spec(steps=())
    first = begin(made, 0.0)
    assert (first.state, first.share) == ("holding", 0.1)
    assert told(judge(made, first, Seen(numbers(), numbers()), 1e6)) == ("holding", 0.1, None)
    assert told(judge(made, first, Seen(numbers(failed=9)), 1.0)) == ("rolled_back", 0.0, "rollback")


def test_its_way_to_all_traffic() -> None:
    made = spec(steps=(0.25, 0.5, 1.0))
    progress, now, way = begin(made, 0.0), 0.0, []
    while progress.state == "running":
        now += 60.0
        progress, move = judge(made, progress, Seen(numbers(), numbers()), now)
        assert move is not None
        way.append((move.kind, move.before, move.after))
    assert way == [("step", 0.1, 0.25), ("step", 0.25, 0.5), ("promote", 0.5, 1.0)]
    assert progress.state == "promoted"
    # nobody is left to compare with, and it may still be rolled back
    assert told(judge(made, progress, Seen(numbers(), Numbers()), now + 1e6)) == ("promoted", 1.0, None)
    assert told(judge(made, progress, Seen(numbers(failed=9)), now)) == ("rolled_back", 0.0, "rollback")


def test_a_canary_that_begins_with_nothing_begins_when_its_time_has_come() -> None:
    assert told(after(Numbers(), share=0.0, seconds=59.0)) == ("running", 0.0, None)
    assert told(after(Numbers(), share=0.0)) == ("running", 0.25, "step")
    assert told(after(Numbers(), share=0.0, steps=(), seconds=1e6)) == ("holding", 0.0, None)


def test_steps_that_end_below_all_traffic_end_in_holding() -> None:
    assert told(after(numbers(), steps=(0.5,))) == ("holding", 0.5, "step")


def test_what_is_held_is_told_once_and_goes_on_when_it_can_be_judged() -> None:
    made = spec()
    held, move = judge(made, begin(made, 0.0), Seen(numbers(), Numbers()), 60.0)
    assert move is not None and move.kind == "hold"
    held, move = judge(made, held, Seen(numbers(), Numbers()), 61.0)
    assert move is None and held.state == "holding"
    assert told(judge(made, held, Seen(numbers(), numbers()), 62.0)) == ("running", 0.25, "step")


@pytest.mark.parametrize("share", [math.nan, math.inf, -1.0, 2.0])
def test_a_share_that_is_none_is_none(share: float) -> None:
    assert 0.0 <= begin(spec(share=share), 0.0).share <= 1.0
    assert 0.0 <= after(numbers(), steps=(share,))[0].share <= 1.0


# --- in any weather --------------------------------------------------------------------------------------------------

some_numbers = st.builds(
    Numbers,
    st.integers(0, 200),
    st.integers(0, 3),
    st.none() | st.floats(0, 5),
    st.integers(0, 200),
    st.none() | st.floats(0, 100),
)
specs = st.builds(
    RolloutSpec,
    st.just(ARMS[0]),
    st.just(ARMS[1]),
    share=st.floats(),
    steps=st.lists(st.floats(), max_size=4).map(tuple),
    step_every=st.floats(0, 20),
    criteria=st.builds(
        Criteria, st.none() | st.floats(0, 0.1), st.none() | st.floats(0, 4), st.none() | st.floats(0, 2)
    ),
    min_samples=st.integers(0, 100),
)


@given(specs, st.lists(st.tuples(some_numbers, some_numbers, st.floats(0, 30)), max_size=12))
def test_a_life(made: RolloutSpec, moments: list[tuple[Numbers, Numbers, float]]) -> None:
    now, progress = 0.0, begin(made, 0.0)
    for canary, stable, passed in moments:
        now += passed
        before = progress
        progress, move = judge(made, before, Seen(canary, stable), now)
        assert 0.0 <= progress.share <= 1.0
        if move is None:
            assert (before.share, before.state, before.step) == (progress.share, progress.state, progress.step)
        if before.state == "rolled_back":
            assert progress == before and move is None
        enough = canary.samples >= max(made.min_samples, 1)
        bound = made.criteria.error_rate
        broken = enough and before.share > 0 and bound is not None and (canary.error_rate or 0.0) >= bound
        if broken and before.state != "rolled_back":
            assert progress.state == "rolled_back" and progress.share == 0.0
        if not enough and before.share > 0:
            assert move is None and progress.share == before.share
        if move is not None and move.kind in ("step", "promote"):
            assert progress.step == before.step + 1 and not broken and now - before.since >= made.step_every


# --- windows ---------------------------------------------------------------------------------------------------------


def test_a_window_counts_what_is_in_it() -> None:
    window = Window(300.0)
    for second in range(100):
        window.add(Sample(failed=second < 2, seconds=(second + 1) / 100, tokens=10, cost=50), 1000.0)
    window.add(Sample(failed=False), 1000.0)
    seen = window.numbers(1000.0)
    assert (seen.samples, seen.failed, seen.priced, seen.cost_per_token) == (101, 2, 100, 5.0)
    assert seen.latency_p95 == pytest.approx(0.95, rel=0.01)


def test_a_window_forgets_what_is_older_than_it_and_nothing_that_is_younger() -> None:
    window = Window(300.0)
    window.add(Sample(failed=True, seconds=1.0), 1000.0)
    assert window.numbers(1000.0 + 300.0 - 300.0 / BUCKETS).samples == 1
    assert window.numbers(1000.0 + 300.0 + 300.0 / BUCKETS) == Numbers()
    assert Numbers().error_rate is None


@given(st.lists(st.floats(0.001, 5000), min_size=1, max_size=300))
def test_a_percentile_is_right_within_a_percent(times: list[float]) -> None:
    window = Window(10.0)
    for seconds in times:
        window.add(Sample(failed=False, seconds=seconds), 5.0)
    exact = sorted(times)[math.ceil(0.95 * len(times)) - 1]
    assert window.numbers(5.0).latency_p95 == pytest.approx(exact, rel=0.011)


@given(st.lists(st.tuples(st.floats(0, 40), st.booleans(), st.floats(0.01, 9), st.integers(0, 5)), max_size=40))
def test_what_has_left_a_window_leaves_nothing_behind(moments: list[tuple[float, bool, float, int]]) -> None:
    """It tells the same as one that saw only what is still in it."""
    window, now, seen = Window(30.0), 0.0, []
    for passed, failed, seconds, tokens in moments:
        now += passed
        seen.append((now, Sample(failed, seconds, tokens, tokens * 7)))
        window.add(seen[-1][1], now)
    fresh = Window(30.0)
    for at, sample in seen:
        if math.floor(at) > math.floor(now) - BUCKETS:
            fresh.add(sample, at)
    assert window.numbers(now) == fresh.numbers(now)
    assert window.numbers(now + 100) == Numbers()


def test_a_window_does_not_grow_with_what_it_sees() -> None:
    window = Window(30.0)
    for number in range(20_000):
        window.add(Sample(failed=False, seconds=number / 7.0), number / 100)
    assert len(window._buckets) <= BUCKETS + 1
    assert max(len(bucket.times) for bucket in window._buckets.values()) < 2_000


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e300, math.inf, math.nan])
def test_times_that_are_none_break_nothing(seconds: float) -> None:
    window = Window(30.0)
    window.add(Sample(failed=False, seconds=seconds), 0.0)
    assert window.numbers(0.0).samples == 1
