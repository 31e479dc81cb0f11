"""In which order: aliases, strategies and their targets, weights, chains, and where the plan is cut."""

import pytest

from extproc.decision.plan import Plan
from extproc.refusal import Reason
from extproc.snapshot import ChainEntry, StrategySpec
from tests.decision.samples import NOW, decided, plan_of, provider, reasons, refusal_of, shut, snapshot, target

A = provider("alpha", "m", "n")
B = provider("beta", "m", default_model="big")
C = provider("gamma", "m")
ANY = provider("any", default_model="whatever")


def outcome(*args: object, **keys: object) -> Plan:
    decision = decided(*args, **keys)  # type: ignore[arg-type]
    assert isinstance(decision.outcome, Plan)
    return decision.outcome


def spec(name: str, kind: str, *targets: str, **weights: float) -> StrategySpec:
    return StrategySpec(name, kind, tuple(map(target, targets)), weights)


# --- ordered ---------------------------------------------------------------------------------------------------------


def test_providers_alone_are_ordered_as_in_the_file_and_cut_at_max_attempts() -> None:
    decision = decided(snapshot(C, B, A, provider("delta", "m")), "m")
    assert plan_of(decision) == ["gamma/m", "beta/m", "alpha/m"]
    assert decision.outcome.reason == "ordered: first of 4 that serve m"
    assert reasons(decision)["delta/m"] == (
        "ordered: number 4 of 4 that serve m; behind the 3 that max_attempts allows"
    )


def test_who_takes_any_name_stands_behind_all_who_list_it_wherever_it_is_written() -> None:
    assert plan_of(decided(snapshot(ANY, A), "m")) == ["alpha/m", "any/m"]


def test_a_strategys_targets_limit_and_order() -> None:
    config = snapshot(A, B, C, strategies=[spec("code", "ordered", "gamma/m", "alpha/n", "beta/")], strategy="code")
    assert plan_of(decided(config)) == ["gamma/m", "alpha/n", "beta/big"]
    decision = decided(config, "m")
    assert plan_of(decision) == ["gamma/m", "beta/m"]
    assert reasons(decision) == {"alpha/n": "it does not serve m", "alpha/m": "strategy code does not name it"}


def test_a_strategys_target_may_be_of_a_provider_that_takes_any_name() -> None:
    config = snapshot(A, ANY, strategies=[spec("code", "ordered", "any/", "alpha/")], strategy="code")
    assert plan_of(decided(config, "m")) == ["any/m", "alpha/m"]


def test_a_request_that_no_target_of_the_strategy_serves_is_refused() -> None:
    config = snapshot(A, B, strategies=[spec("code", "ordered", "alpha/n", "gone/x")], strategy="code")
    decision = decided(config, "m")
    assert refusal_of(decision).reason is Reason.MODEL_NOT_FOUND
    assert refusal_of(decision).message.startswith("no target of strategy code serves m")
    assert reasons(decision)["gone/x"] == "no provider has this name"


def test_an_alias_goes_before_the_routes_strategy() -> None:
    config = snapshot(A, B, C, aliases={"smart": ["gamma/m", "alpha/n"]}, strategy="weighted")
    plan = outcome(config, "smart")
    assert [str(step.target) for step in plan.steps] == ["gamma/m", "alpha/n"]
    assert (plan.strategy, plan.reason) == ("alias", "alias smart: its first target")


def test_an_alias_whose_first_target_is_shut_says_which_one_it_took() -> None:
    config = snapshot(A, B, C, aliases={"smart": ["gamma/m", "alpha/n"]})
    assert outcome(config, "smart", seen={"gamma/m": shut(NOW + 9)}).reason == "alias smart: its second target"


def test_the_default_strategy_is_every_routes_and_a_named_one_goes_before_it() -> None:
    config = snapshot(A, B, C, strategies=[spec("default", "ordered", "gamma/"), spec("mine", "ordered", "beta/")])
    assert plan_of(decided(config, "m")) == ["gamma/m"]
    assert plan_of(decided(config, "m", strategy="mine")) == ["beta/m"]
    assert plan_of(decided(config, "m", strategy="ordered")) == ["alpha/m", "beta/m", "gamma/m"]


# --- weighted --------------------------------------------------------------------------------------------------------


def share(config: object, first: str, draws: int = 1000) -> float:
    drawn = [plan_of(decided(config, "m", draw=n / draws))[0] for n in range(draws)]  # type: ignore[arg-type]
    return drawn.count(first) / draws


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ({"alpha": 0.6, "beta": 0.4}, {"alpha/m": 0.6, "beta/m": 0.4, "gamma/m": 0.0}),
        ({"alpha": 1, "alpha/m": 3, "beta": 1}, {"alpha/m": 0.75, "beta/m": 0.25}),
        ({}, {"alpha/m": 1 / 3, "beta/m": 1 / 3, "gamma/m": 1 / 3}),
        ({"elsewhere": 5}, {"alpha/m": 1 / 3, "beta/m": 1 / 3, "gamma/m": 1 / 3}),
        ({"alpha": 0, "beta": 1}, {"alpha/m": 0.0, "beta/m": 1.0}),
    ],
)
def test_over_an_even_grid_of_draws_the_first_are_as_the_weights_say(
    weights: dict[str, float], shares: dict[str, float]
) -> None:
    config = snapshot(A, B, C, strategies=[spec("w", "weighted", **weights)], strategy="w")
    for first, expected in shares.items():
        assert share(config, first) == pytest.approx(expected, abs=0.02), first


def test_the_second_is_drawn_by_the_weights_that_are_left() -> None:
    weights = {"alpha": 5.0, "beta": 3.0, "gamma": 1.0}
    config = snapshot(A, B, C, strategies=[spec("w", "weighted", **weights)], strategy="w")
    plans = [plan_of(decided(config, "m", draw=n / 4000)) for n in range(4000)]
    seconds = [plan[1] for plan in plans if plan[0] == "alpha/m"]
    assert seconds.count("beta/m") / len(seconds) == pytest.approx(0.75, abs=0.02)


def test_weight_0_is_never_chosen_and_who_is_not_named_stands_behind() -> None:
    config = snapshot(A, B, C, strategies=[spec("w", "weighted", beta=0.0, gamma=2.0)], strategy="w")
    decision = decided(config, "m")
    assert plan_of(decision) == ["gamma/m", "alpha/m"]
    assert reasons(decision) == {"beta/m": "w: weight 0 is never chosen"}
    assert decision.outcome.reason == "w: drawn with 100 %"
    assert decision.candidates[0].score == 1.0


def test_when_all_weigh_nothing_no_target_is_available() -> None:
    config = snapshot(A, strategies=[spec("w", "weighted", alpha=0.0)], strategy="w")
    decision = decided(config, "m")
    assert refusal_of(decision).reason is Reason.NO_TARGET_AVAILABLE
    assert reasons(decision) == {"alpha/m": "w: weight 0 is never chosen"}


def test_a_providers_weight_is_shared_by_its_models() -> None:
    """Two models do not give a provider twice its share."""
    config = snapshot(A, C, strategies=[spec("w", "weighted", alpha=1.0, gamma=1.0)], strategy="w")
    firsts = [plan_of(decided(config, draw=n / 400))[0] for n in range(400)]
    assert firsts.count("gamma/m") / 400 == pytest.approx(0.5, abs=0.02)


def test_without_weights_who_takes_any_name_stands_behind_those_who_list() -> None:
    config = snapshot(ANY, A, B, strategy="weighted")
    assert {plan_of(decided(config, "m", draw=n / 50))[2] for n in range(50)} == {"any/m"}


# --- chains ----------------------------------------------------------------------------------------------------------

CHAIN = (ChainEntry("gamma"), ChainEntry("beta"), ChainEntry("alpha", "n"))


def test_a_routes_chain_is_the_order_where_no_strategy_is_named() -> None:
    plan = outcome(snapshot(A, B, C, chain=CHAIN), "m")
    assert [str(step.target) for step in plan.steps] == ["gamma/m", "beta/m", "alpha/n"]
    assert (plan.strategy, plan.reason) == ("chain", "chain: its first entry")


def test_a_chain_limits_to_its_entries() -> None:
    decision = decided(snapshot(A, B, C, chain=CHAIN[:1]), "m")
    assert plan_of(decision) == ["gamma/m"]
    assert reasons(decision)["alpha/m"] == "the route's chain does not name it"


def test_an_entry_without_a_model_takes_the_one_asked_for_else_the_default_else_is_skipped() -> None:
    decision = decided(snapshot(A, B, C, chain=(ChainEntry("gamma"), ChainEntry("beta"), ChainEntry("alpha"))), "n")
    assert plan_of(decision) == ["beta/big", "alpha/n"]
    assert reasons(decision)["gamma/n"] == (
        "chain: skipped, its provider does not serve the model asked for and has no default_model"
    )


def test_a_chain_does_not_serve_names_that_nothing_serves() -> None:
    assert refusal_of(decided(snapshot(A, B, C, chain=CHAIN), "typo")).reason is Reason.MODEL_NOT_FOUND


def test_a_chain_of_which_nothing_is_left_is_refused() -> None:
    decision = decided(snapshot(A, C, chain=(ChainEntry("gamma"), ChainEntry("gone"))), "n")
    assert refusal_of(decision).reason is Reason.MODEL_NOT_FOUND
    assert reasons(decision)["gone/n"] == "chain: skipped, no provider has this name"


def test_behind_the_first_choice_of_a_named_strategy_stands_the_chain_and_then_its_others() -> None:
    config = snapshot(A, B, C, chain=CHAIN, strategies=[spec("s", "ordered", "beta/", "alpha/")], strategy="s")
    assert plan_of(decided(config, "m")) == ["beta/m", "gamma/m", "alpha/n"]
    config = snapshot(
        A, B, C, chain=CHAIN, strategies=[spec("s", "ordered", "beta/", "alpha/")], strategy="s", max_attempts=9
    )
    assert plan_of(decided(config, "m")) == ["beta/m", "gamma/m", "alpha/n", "alpha/m"]
    config = snapshot(A, B, C, chain=CHAIN)
    assert plan_of(decided(config, "m", strategy="ordered", fallback_enabled=True))[0] == "alpha/m"


def test_a_default_strategy_is_not_a_named_one() -> None:
    config = snapshot(A, B, C, chain=CHAIN, strategies=[spec("default", "ordered", "alpha/")])
    assert plan_of(decided(config, "m"))[0] == "gamma/m"


def test_an_alias_is_its_own_chain() -> None:
    config = snapshot(A, B, C, chain=CHAIN, aliases={"smart": ["alpha/m"]})
    assert plan_of(decided(config, "smart")) == ["alpha/m"]


def test_behind_a_provider_asked_for_the_chain_stands_only_with_fallback_enabled() -> None:
    config = snapshot(A, B, C, chain=CHAIN)
    assert plan_of(decided(config, "m", provider="beta")) == ["beta/m"]
    assert plan_of(decided(config, "m", provider="beta", fallback_enabled=True)) == ["beta/m", "gamma/m", "alpha/n"]


def test_a_chain_with_weights_is_drawn_without_replacement() -> None:
    chain = (ChainEntry("gamma", weight=0.6), ChainEntry("beta", weight=0.4), ChainEntry("alpha", weight=0.0))
    config = snapshot(A, B, C, chain=chain)
    assert share(config, "gamma/m") == pytest.approx(0.6, abs=0.02)
    decision = decided(config, "m", draw=0.1)
    assert plan_of(decision) == ["gamma/m", "beta/m"]
    assert decision.outcome.reason == "chain: drawn with 60 %"
    assert reasons(decision) == {"alpha/m": "chain: weight 0 is never chosen"}


# --- the plan --------------------------------------------------------------------------------------------------------

SLOW = provider("slow", "m", timeout=33.0)


@pytest.mark.parametrize(
    ("sentence", "config", "stream", "seconds"),
    [
        ("the route's goes first", snapshot(SLOW, first_byte_timeout=5.0), True, 5.0),
        ("then the first target's provider's", snapshot(SLOW, A), True, 33.0),
        ("of the first target only", snapshot(A, SLOW), False, 600.0),
        ("streamed requests have a minute", snapshot(A), True, 60.0),
        ("others ten", snapshot(A), False, 600.0),
    ],
)
def test_first_byte_timeout(sentence: str, config: object, stream: bool, seconds: float) -> None:
    assert outcome(config, "m", stream=stream).first_byte_timeout == seconds, sentence
