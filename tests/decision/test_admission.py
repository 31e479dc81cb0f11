"""Who may ask for what: callers, routes, providers and strategies that do not exist, and what drops a target."""

import math
from dataclasses import replace
from typing import Any

import pytest

from extproc.decision.decide import decide
from extproc.decision.plan import Health, Observation, Observations
from extproc.refusal import Reason
from extproc.snapshot import ChainEntry, HealthSpec, Model, StrategySpec
from tests.decision.samples import (
    NOW,
    caller_key,
    decided,
    facts,
    plan_of,
    provider,
    reasons,
    refusal_of,
    shut,
    snapshot,
)

A = provider("alpha", "m", "only-alpha")
B = provider("beta", "m")
C = provider("gamma", "m")
CONFIG = snapshot(A, B, C, aliases={"smart": ["beta/m", "alpha/m"]})


def test_a_route_that_is_not_in_the_snapshot_is_refused() -> None:
    decision = decide(replace(facts("m"), route="gone"), CONFIG, Observations(), NOW, 0.5)
    assert refusal_of(decision).reason is Reason.ROUTE_NOT_FOUND


# --- callers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "allowed", "model", "plan"),
    [
        ("a list of providers limits to them", {"providers": ("beta",)}, "m", ["beta/m"]),
        ("providers are globs", {"providers": ("*a",)}, "m", ["alpha/m", "beta/m", "gamma/m"]),
        ("models are names", {"models": ("m",)}, "m", ["alpha/m", "beta/m", "gamma/m"]),
        ("or provider/model", {"models": ("gamma/*",)}, "m", ["gamma/m"]),
        ("they hold for an alias's targets too", {"models": ("alpha/m",)}, "smart", ["alpha/m"]),
        ("an alias that is spelled out stands for its targets", {"models": ("smart",)}, "smart", ["beta/m", "alpha/m"]),
        (
            "and is still limited to the providers",
            {"models": ("smart",), "providers": ("alpha",)},
            "smart",
            ["alpha/m"],
        ),
    ],
)
def test_a_caller_may_use(sentence: str, allowed: dict[str, Any], model: str, plan: list[str]) -> None:
    assert plan_of(decided(CONFIG, model, **allowed)) == plan, sentence


@pytest.mark.parametrize(
    ("sentence", "allowed", "asked"),
    [
        ("another model", {"models": ("other",)}, {"model": "m"}),
        ("no provider that serves it", {"providers": ("beta",)}, {"model": "only-alpha"}),
        ("a provider asked for by name", {"providers": ("beta",)}, {"model": "m", "provider": "alpha"}),
        ("a target asked for by name", {"models": ("beta/*",)}, {"model": "alpha/m"}),
        ("an alias by a glob that happens to fit its name", {"models": ("sma*",)}, {"model": "smart"}),
    ],
)
def test_a_caller_may_not_use(sentence: str, allowed: dict[str, Any], asked: dict[str, Any]) -> None:
    refusal = refusal_of(decided(CONFIG, **asked, **allowed))
    assert (refusal.reason, refusal.status) == (Reason.MODEL_NOT_ALLOWED, 403), sentence


# --- providers and routes --------------------------------------------------------------------------------------------


def test_an_unknown_provider_is_refused_with_the_nearest_that_may_be_used() -> None:
    refusal = refusal_of(decided(CONFIG, "m", provider="alpa"))
    assert (refusal.reason, refusal.status, refusal.param) == (Reason.UNKNOWN_PROVIDER, 404, "provider")
    assert refusal.message == "no provider is called alpa; nearest: alpha"
    assert "alpha" not in refusal_of(decided(CONFIG, "m", provider="alp", providers=("beta",))).message


def test_a_provider_asked_for_narrows_to_it_and_says_so_of_the_others() -> None:
    decision = decided(CONFIG, "m", provider="beta")
    assert plan_of(decision) == ["beta/m"]
    assert decision.outcome.reason == "provider beta was asked for; ordered: first of 1 that serve m"
    assert reasons(decision) == dict.fromkeys(("alpha/m", "gamma/m"), "provider beta was asked for")


def test_fallback_enabled_puts_behind_it_what_the_plan_would_have_been() -> None:
    assert plan_of(decided(CONFIG, "m", provider="gamma", fallback_enabled=True)) == ["gamma/m", "alpha/m", "beta/m"]
    assert plan_of(decided(CONFIG, "gamma/m", fallback_enabled=True)) == ["gamma/m", "alpha/m", "beta/m"]


def test_fallback_enabled_also_helps_when_the_provider_does_not_serve_the_model() -> None:
    assert plan_of(decided(CONFIG, "only-alpha", provider="beta", fallback_enabled=True)) == ["alpha/only-alpha"]


def test_a_provider_that_does_not_serve_the_model_is_refused() -> None:
    refusal = refusal_of(decided(CONFIG, "only-alpha", provider="beta"))
    assert refusal.reason is Reason.MODEL_NOT_FOUND
    assert refusal.message.startswith("provider beta serves no model called only-alpha")


def test_a_provider_narrows_an_alias_and_auto() -> None:
    assert plan_of(decided(CONFIG, "smart", provider="alpha")) == ["alpha/m"]
    assert plan_of(decided(CONFIG, "smart", provider="alpha", fallback_enabled=True)) == ["alpha/m", "beta/m"]
    assert plan_of(decided(CONFIG, provider="alpha")) == ["alpha/m", "alpha/only-alpha"]


def test_the_routes_provider_is_for_requests_that_name_none_in_any_way() -> None:
    config = snapshot(A, B, C, aliases={"smart": ["beta/m"]}, provider="gamma")
    assert plan_of(decided(config, "m")) == ["gamma/m"]
    assert plan_of(decided(config, "m", provider="beta")) == ["beta/m"]
    assert plan_of(decided(config, "beta/m")) == ["beta/m"]
    assert plan_of(decided(config, "smart")) == ["beta/m"]


def test_a_route_allows_only_its_providers() -> None:
    config = snapshot(A, B, C, providers=("beta", "gamma"))
    decision = decided(config, "m")
    assert plan_of(decision) == ["beta/m", "gamma/m"]
    assert reasons(decision) == {"alpha/m": "this route does not allow its provider"}
    assert refusal_of(decided(config, "m", provider="alpha")).reason is Reason.MODEL_NOT_ALLOWED
    assert refusal_of(decided(config, "only-alpha")).reason is Reason.MODEL_NOT_FOUND
    assert plan_of(decided(config)) == ["beta/m", "gamma/m"]


# --- strategies ------------------------------------------------------------------------------------------------------


def test_where_nothing_is_like_a_strategy_its_refusal_still_says_what_there_is() -> None:
    refusal = refusal_of(decided(CONFIG, "m", strategy="zzz"))
    assert "; nearest: " in refusal.message


def test_an_unknown_strategy_is_refused_with_the_nearest_names() -> None:
    refusal = refusal_of(decided(CONFIG, "m", strategy="wieghted"))
    assert (refusal.reason, refusal.status, refusal.param) == (Reason.UNKNOWN_STRATEGY, 400, "routing_strategy")
    assert refusal.message.startswith("no strategy is called wieghted; nearest: weighted")


def test_a_strategy_of_a_kind_that_does_not_exist_is_refused_like_an_unknown_one() -> None:
    config = snapshot(A, strategies=[StrategySpec("mine", "telepathic")])
    assert refusal_of(decided(config, "m", strategy="mine")).reason is Reason.UNKNOWN_STRATEGY


# --- context and credentials -----------------------------------------------------------------------------------------

SMALL = provider("small", Model("m", context=100))
LARGE = provider("large", Model("m", context=1000))


@pytest.mark.parametrize(
    ("tokens", "cap", "plan"),
    [
        (60, 40, ["small/m", "large/m"]),
        (61, 40, ["large/m"]),
        (100, None, ["small/m", "large/m"]),
        (101, None, ["large/m"]),
    ],
)
def test_a_prompt_fits_if_it_and_the_callers_cap_are_within_the_context(
    tokens: int, cap: int | None, plan: list[str]
) -> None:
    assert plan_of(decided(snapshot(SMALL, LARGE), "m", input_tokens=tokens, max_output_tokens=cap)) == plan


def test_a_prompt_that_fits_nowhere_is_refused_with_the_largest_context() -> None:
    refusal = refusal_of(decided(snapshot(SMALL, LARGE), "m", input_tokens=900, max_output_tokens=200))
    assert (refusal.reason, refusal.status) == (Reason.CONTEXT_LENGTH, 400)
    assert refusal.message == (
        "about 900 tokens of prompt and an answer of up to 200 do not fit the largest context, 1000 tokens"
    )


def test_a_target_of_the_callers_own_key_is_left_out_without_one() -> None:
    config = snapshot(caller_key("own", "m"), A)
    assert plan_of(decided(config, "m")) == ["alpha/m"]
    assert plan_of(decided(config, "m", own_credential=True)) == ["own/m", "alpha/m"]
    refusal = refusal_of(decided(config, "m", provider="own"))
    assert (refusal.reason, refusal.status) == (Reason.CALLER_CREDENTIAL_MISSING, 401)


# --- health ----------------------------------------------------------------------------------------------------------


def test_who_is_shut_by_probes_is_left_out_until_they_open_it_again() -> None:
    seen = {
        "alpha/m": Observation(health="shut", health_why="3 probes in a row failed: answers 503"),
        "beta/m": Observation(health="probing", health_why="1 of the 2 good probes"),
    }
    decision = decided(CONFIG, "m", seen=seen)
    assert plan_of(decision) == ["gamma/m"]
    assert reasons(decision) == {
        "alpha/m": "unhealthy, as its probes say (3 probes in a row failed: answers 503)",
        "beta/m": "unhealthy, as its probes say (1 of the 2 good probes)",
    }


def test_when_probes_shut_all_it_says_when_the_next_ones_are() -> None:
    slow, fast = (provider(name, "m", health=HealthSpec(interval=at)) for name, at in (("slow", 60.0), ("fast", 9.2)))
    seen = {"slow/m": Observation(health="shut"), "fast/m": Observation(health="probing")}
    refusal = refusal_of(decided(snapshot(slow, fast), "m", seen=seen))
    assert (refusal.reason, refusal.retry_after) == (Reason.NO_TARGET_AVAILABLE, 10)


@pytest.mark.parametrize("health", ["unknown", "serving"])
def test_what_was_not_probed_yet_serves(health: Health) -> None:
    assert plan_of(decided(CONFIG, "m", seen={"alpha/m": Observation(health=health)}))[0] == "alpha/m"


# --- breakers --------------------------------------------------------------------------------------------------------


def test_a_shut_target_is_left_out_and_says_for_how_long() -> None:
    decision = decided(CONFIG, "m", seen={"alpha/m": shut(NOW + 41.2, "5 failures in a row")})
    assert plan_of(decision) == ["beta/m", "gamma/m"]
    assert reasons(decision) == {"alpha/m": "shut for another 42 s (5 failures in a row)"}


@pytest.mark.parametrize(
    ("reopens", "retry_after"),
    [(NOW + 7.1, 8), (NOW + 0.2, 1), (NOW, 1), (NOW - 5, 1), (None, 1), (math.inf, 86_400), (math.nan, 1)],
)
def test_when_all_are_shut_it_says_when_the_soonest_opens(reopens: float | None, retry_after: int) -> None:
    seen = {"alpha/m": Observation("shut", reopens), "beta/m": shut(math.inf), "gamma/m": shut(math.inf)}
    refusal = refusal_of(decided(CONFIG, "m", seen=seen))
    assert (refusal.reason, refusal.status) == (Reason.NO_TARGET_AVAILABLE, 503)
    assert refusal.retry_after == retry_after


def test_a_probing_target_is_tried_while_it_has_probes_left() -> None:
    assert plan_of(decided(CONFIG, "alpha/m", seen={"alpha/m": Observation("probing", probes_left=1)})) == ["alpha/m"]
    decision = decided(CONFIG, "alpha/m", seen={"alpha/m": Observation("probing", NOW + 9, probes_left=0)})
    assert refusal_of(decision).retry_after == 9
    assert reasons(decision)["alpha/m"] == "probing, and no more probes are allowed for now"


DOWN = Observation(health="shut", health_why="3 failed probes in a row: connection refused")


@pytest.mark.parametrize(
    ("sentence", "probes", "seen", "retry_after"),
    [
        ("the next probe can open it", HealthSpec(interval=7.5), DOWN, 8),
        ("probes that nobody wrote have an interval too", None, DOWN, 30),
        ("the breaker opens later", HealthSpec(interval=7.5), replace(DOWN, breaker="shut", reopens_at=NOW + 60), 60),
        ("the breaker opens sooner", HealthSpec(interval=7.5), replace(DOWN, breaker="shut", reopens_at=NOW + 2), 8),
        ("an interval that is none", HealthSpec(interval=math.nan), DOWN, 1),
    ],
)
def test_when_all_are_down_it_says_when_the_soonest_can_be_up(
    sentence: str, probes: HealthSpec | None, seen: Observation, retry_after: int
) -> None:
    config = snapshot(provider("lab", "m", health=probes), A)
    refusal = refusal_of(decided(config, "m", seen={"lab/m": seen, "alpha/m": shut(NOW + 500)}))
    assert (refusal.reason, refusal.retry_after) == (Reason.NO_TARGET_AVAILABLE, retry_after), sentence


def test_an_alias_and_a_chain_leave_out_whoever_is_down_too() -> None:
    assert plan_of(decided(CONFIG, "smart", seen={"beta/m": DOWN})) == ["alpha/m"]
    chained = snapshot(A, B, chain=(ChainEntry("alpha"), ChainEntry("beta")))
    assert plan_of(decided(chained, "m", seen={"alpha/m": DOWN})) == ["beta/m"]


def test_the_test_that_drops_the_last_one_words_the_refusal() -> None:
    decision = decided(snapshot(SMALL, LARGE), "m", input_tokens=500, seen={"large/m": shut(NOW + 5)})
    assert refusal_of(decision).reason is Reason.NO_TARGET_AVAILABLE
    assert reasons(decision)["small/m"] == "about 500 tokens do not fit its context of 100"
