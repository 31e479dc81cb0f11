"""The health of an endpoint, probe by probe."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.decision.health import ASLEEP, ProbedHealth, Together, is_asleep, joined, together
from extproc.decision.plan import UNMEASURED, Health, Measure, Observation
from extproc.snapshot import ClusterSpec, HealthSpec

NEW = ProbedHealth(HealthSpec())


def after(probes: str, health: ProbedHealth = NEW) -> ProbedHealth:
    """`+` is a good probe, `-` a failed one, `z` finds it asleep, `o` could not be sent for a reason of ours."""
    steps = {
        "+": ProbedHealth.succeeded,
        "-": lambda one: one.failed("connection refused"),
        "z": ProbedHealth.asleep,
        "o": lambda one: one.not_asked("our own files"),
    }
    return reduce(lambda one, probe: steps[probe](one), probes, health)


@pytest.mark.parametrize(
    ("probes", "state", "why"),
    [
        ("", "unknown", ""),
        ("+", "serving", ""),
        ("-", "unknown", "a probe failed: connection refused"),
        ("--", "unknown", "2 probes in a row failed: connection refused"),
        ("---", "shut", "3 probes in a row failed: connection refused"),
        ("+--", "serving", "2 probes in a row failed: connection refused"),
        ("+--+--", "serving", "2 probes in a row failed: connection refused"),
        ("+---", "shut", "3 probes in a row failed: connection refused"),
        ("-----", "shut", "5 probes in a row failed: connection refused"),
        ("---+", "probing", "1 of the 2 good probes in a row that open it again"),
        ("---+-", "shut", "shut again, a probe failed: connection refused"),
        ("---+--", "shut", "2 probes in a row failed: connection refused"),
        ("---+-+", "probing", "1 of the 2 good probes in a row that open it again"),
        ("---++", "serving", ""),
        ("---++-", "serving", "a probe failed: connection refused"),
        ("z", "unknown", ASLEEP),
        ("---z", "unknown", ASLEEP),
        ("---z--", "unknown", "2 probes in a row failed: connection refused"),
        ("---zz+", "serving", ""),
        ("oooo", "unknown", "our own files"),
        ("+oooo", "serving", "our own files"),
        ("---oooo", "shut", "our own files"),
        ("+oooo+", "serving", ""),
    ],
)
def test_what_each_probe_makes_of_it(probes: str, state: Health, why: str) -> None:
    health = after(probes)
    assert (health.state, health.why) == (state, why)


def test_one_good_probe_is_enough_where_one_is_asked_for() -> None:
    assert after("-+", ProbedHealth(HealthSpec(failure_threshold=1, success_threshold=1))).state == "serving"


def test_what_there_is_to_say_of_a_good_one_is_kept() -> None:
    assert NEW.succeeded("answers 401 at /health").why == "answers 401 at /health"
    assert "(answers 401)" in after("---").succeeded("answers 401").why


@given(
    st.builds(HealthSpec, failure_threshold=st.integers(1, 6), success_threshold=st.integers(1, 6)),
    st.text("+-z", max_size=60),
)
def test_only_so_many_in_a_row_shut_it_and_only_so_many_in_a_row_open_it(spec: HealthSpec, probes: str) -> None:
    health = ProbedHealth(spec)
    for place, probe in enumerate(probes):
        before, health = health.state, after(probe, health)
        bad, good = probes[: place + 1].rstrip("-"), probes[: place + 1].rstrip("+")
        failed, succeeded = place + 1 - len(bad), place + 1 - len(good)
        if health.state == "shut" and before not in ("shut", "probing"):
            assert failed >= spec.failure_threshold
        if failed >= spec.failure_threshold:
            assert health.state == "shut"
        if before in ("shut", "probing") and health.state == "serving":
            assert succeeded >= spec.success_threshold
        if before not in ("shut", "probing") and probe == "+":
            assert health.state == "serving"
        if succeeded >= spec.success_threshold:
            assert health.state == "serving"
        assert (health.state == "shut") <= (probe == "-"), "what was not asked, or answered well, is not shut"


def test_a_provider_is_as_well_as_the_best_of_its_endpoints() -> None:
    shut, serving, probing = after("---"), after("+"), after("---+")
    assert together({}) == Together("unknown", "")
    assert together({"a:1": shut}) == Together("shut", shut.why)
    assert together({"a:1": shut, "b:1": serving, "c:1": NEW}) == Together(
        "serving", f"1 of 3 endpoints shut: a:1: {shut.why}"
    )
    assert together({"a:1": shut, "b:1": shut}) == Together("shut", f"all 2 endpoints: a:1: {shut.why}")
    assert together({"a:1": shut, "b:1": probing}).state == "probing"
    assert together({"a:1": probing, "b:1": NEW}) == Together("probing", probing.why)
    assert together({"a:1": shut, "b:1": NEW}).state == "unknown"
    assert together({"a:1": serving, "b:1": serving}) == Together("serving", "")


@pytest.mark.parametrize(
    ("cluster", "last_used", "asleep"),
    [
        (None, None, False),
        (ClusterSpec(1), None, False),
        (ClusterSpec(1, wake_up=60.0), None, True),
        (ClusterSpec(1, wake_up=60.0), 1000.0, False),
        (ClusterSpec(1, wake_up=60.0), 400.0, False),
        (ClusterSpec(1, wake_up=60.0), 399.0, True),
        (ClusterSpec(1, wake_up=60.0, sleeps_after=10.0), 980.0, True),
    ],
)
def test_who_is_asleep(cluster: ClusterSpec | None, last_used: float | None, asleep: bool) -> None:
    assert is_asleep(cluster, last_used, 1000.0) is asleep


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (UNMEASURED, Together("unknown", "")),
        (Observation(errors=Measure(0.1, 1.0)), Together("serving", "")),
        (Observation(first_token={0: Measure(0.1, 1.0)}), Together("serving", "")),
        (Observation(in_flight=1), Together("serving", "")),
        (Observation(health="serving", health_why="answers 401"), Together("serving", "answers 401")),
        (Observation(health="shut", health_why="down"), Together("shut", "down")),
        (Observation(health="probing", health_why="up"), Together("probing", "up")),
        (Observation("shut", why="5 failures in a row", health="serving"), Together("shut", "5 failures in a row")),
        (Observation("probing", why="5 failures", health="shut", health_why="down"), Together("shut", "down")),
        (Observation("probing", why="5 failures", health="serving"), Together("probing", "5 failures")),
    ],
)
def test_a_target_is_the_worse_of_what_its_breaker_and_its_probes_say(seen: Observation, state: Together) -> None:
    assert joined(seen) == state
