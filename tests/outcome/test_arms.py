"""What an exchange says of the arm that it began in."""

from dataclasses import replace
from typing import Any

import pytest

from extproc.decision.rollout_window import Sample
from extproc.money import Usage
from extproc.observe.outcome import Attempt, Outcome
from extproc.outcome.arms import result_of, sample_of
from extproc.snapshot import Credential, Criteria, RolloutSpec, Target
from tests.observe.samples import outcome
from tests.outcome.samples import CLAUDE, SMALL, SNAPSHOT

ROLLOUT = RolloutSpec((SMALL,), (CLAUDE,), criteria=Criteria(latency_p95=2.0))
CANARY, STABLE = str(CLAUDE), str(SMALL)


def attempt(target: str, kind: Any = "ok", status: int = 200, why: str = "") -> Attempt:
    return Attempt(target, kind, status, why, 10)


def began_in_canary(*attempts: Attempt, **keys: Any) -> Outcome:
    given: dict[str, Any] = {"stream": False, "ttft_ms": None, **keys}
    return outcome(arm="canary", strategy="split", attempts=attempts, target=attempts[-1].target, **given)


def judged(*attempts: Attempt, **keys: Any) -> str:
    return result_of(sample_of(began_in_canary(*attempts, **keys), ROLLOUT, SNAPSHOT))


@pytest.mark.parametrize(
    ("kind", "status", "why", "expected"),
    [
        ("ok", 200, "", "ok"),
        ("failure", 503, "upstream_5xx", "failed"),
        ("failure", 0, "connect_failure", "failed"),
        ("failure", 0, "first_byte_timeout", "failed"),
        ("failure", 200, "cut", "failed"),
        ("rate_limited", 429, "rate_limited", "failed"),
        ("sink", 0, "no_host", "failed"),
        ("caller_error", 400, "caller_error", "other"),
        ("caller_error", 401, "upstream_auth", "failed"),  # the gateway's own key
        ("caller_error", 422, "caller_error", "other"),
        ("caller_error", 402, "caller_error", "failed"),
        ("caller_error", 408, "caller_error", "failed"),
        ("caller_error", 404, "caller_error", "failed"),  # the model that the operator wrote
        ("cancelled", 0, "client_left", "other"),
        ("cancelled", 0, "overflow", "other"),
        ("unknown", 0, "lost", "other"),
    ],
)
def test_what_became_of_the_first_target(kind: str, status: int, why: str, expected: str) -> None:
    assert judged(attempt(CANARY, kind, status, why)) == expected


@pytest.mark.parametrize(
    ("kind", "why", "expected"),
    [
        ("failure", "upstream_5xx", "failed"),
        ("ok", "", "failed"),  # an error stood as its first event
        ("unknown", "lost", "failed"),
        ("cancelled", "local_reply", "failed"),
        ("caller_error", "caller_error", "other"),  # fallback_on: a class of the caller's errors
        ("cancelled", "overflow", "other"),
    ],
)
def test_what_another_arm_saved_is_judged_by_why_it_had_to(kind: str, why: str, expected: str) -> None:
    assert judged(attempt(CANARY, kind, 400 if kind == "caller_error" else 500, why), attempt(STABLE)) == expected


def test_a_plan_of_the_canary_that_begins_elsewhere_was_kept_from_it_by_a_breaker() -> None:
    assert sample_of(began_in_canary(attempt(STABLE)), ROLLOUT, SNAPSHOT) == Sample(failed=True)


@pytest.mark.parametrize("how", [{"cut": True}, {"failed": "upstream_error"}])
def test_an_answer_that_ended_badly_failed(how: dict[str, Any]) -> None:
    assert judged(attempt(CANARY), **how) == "failed"


def test_a_callers_own_key_that_is_refused_is_the_callers() -> None:
    theirs = replace(SNAPSHOT.providers["anthropic"], credential=Credential("caller"))
    snapshot = replace(SNAPSHOT, providers={**SNAPSHOT.providers, "anthropic": theirs})
    made = began_in_canary(attempt(CANARY, "caller_error", 401, "upstream_auth"))
    assert sample_of(made, ROLLOUT, snapshot) is None


def test_404_counts_only_where_it_can_mean_nothing_but_the_model_that_is_written() -> None:
    missing = attempt(CANARY, "caller_error", 404, "caller_error")
    assert judged(missing, endpoint="responses") == "other", "it may be a previous response"
    any_model = replace(ROLLOUT, canary=(Target("anthropic", ""),))
    assert sample_of(began_in_canary(missing), any_model, SNAPSHOT) is None, "the caller chose the name"


def test_an_exchange_without_an_attempt_says_nothing() -> None:
    nowhere = outcome(arm="canary", strategy="split", attempts=(), target=None)
    assert sample_of(nowhere, ROLLOUT, SNAPSHOT) is None
    assert sample_of(began_in_canary(attempt("no-slash")), ROLLOUT, SNAPSHOT) is None


# --- what the caller waited ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "seconds"),
    [
        ({"stream": True, "ttft_ms": 120, "duration_ms": 9000}, 0.12),
        ({"stream": False, "ttft_ms": 120, "duration_ms": 9000}, 9.0),
        ({"stream": True, "ttft_ms": None, "duration_ms": 9000}, None),
        ({"stream": False, "duration_ms": None}, None),
    ],
)
def test_streams_are_waited_for_until_they_begin_others_until_they_end(keys: dict[str, Any], seconds: Any) -> None:
    sample = sample_of(began_in_canary(attempt(CANARY), **keys), ROLLOUT, SNAPSHOT)
    assert sample is not None and sample.seconds == seconds


def test_the_wait_for_a_target_that_failed_is_a_wait_too() -> None:
    made = began_in_canary(attempt(CANARY, "failure", 0, "first_byte_timeout"), attempt(STABLE), duration_ms=61_000)
    sample = sample_of(made, ROLLOUT, SNAPSHOT)
    assert sample is not None and (sample.failed, sample.seconds) == (True, 61.0)


@pytest.mark.parametrize(("waited", "known"), [(1_999, False), (2_000, True), (30_000, True)])
def test_who_left_after_waiting_too_long_has_waited_too_long(waited: int, known: bool) -> None:
    """Or a canary that hangs would lose its callers and never be judged."""
    left = {"status": 0, "client_left": True, "duration_ms": waited, "usage": None, "cost": None}
    made = began_in_canary(attempt(CANARY, "cancelled", 0, "client_left"), **left)
    expected = Sample(failed=False, seconds=waited / 1000) if known else None
    assert sample_of(made, ROLLOUT, SNAPSHOT) == expected
    assert sample_of(made, replace(ROLLOUT, criteria=Criteria()), SNAPSHOT) is None


# --- what it cost ----------------------------------------------------------------------------------------------------


def test_cost_is_counted_where_the_arm_answered_itself() -> None:
    usage = Usage(input=100, output=20)
    own = sample_of(began_in_canary(attempt(CANARY), usage=usage, cost=600), ROLLOUT, SNAPSHOT)
    assert own is not None and (own.tokens, own.cost) == (120, 600)
    saved = began_in_canary(attempt(CANARY, "failure", 500, "x"), attempt(STABLE), usage=usage, cost=600)
    assert sample_of(saved, ROLLOUT, SNAPSHOT) == Sample(failed=True, seconds=0.45)
    unpriced = sample_of(began_in_canary(attempt(CANARY), usage=usage, cost=None), ROLLOUT, SNAPSHOT)
    assert unpriced is not None and unpriced.cost is None
