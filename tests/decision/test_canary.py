"""A canary's arms: who is in which, who stays there, and what stands behind."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.decision.decide import decide
from extproc.decision.plan import Decision, Observation, Observations, Plan
from extproc.decision.strategies import kind_of
from extproc.decision.strategies.canary import arm_of, point_of
from extproc.facts.request import CallerFacts, Facts
from extproc.refusal import Reason
from extproc.snapshot import Model, RolloutSpec, Snapshot, StrategySpec, Target
from tests.decision.samples import NOW, plan_of, provider, reasons, refusal_of, shut, snapshot, target

STABLE, CANARY = "openai/gpt-4o", "anthropic/claude"


def split(stable: tuple[str, ...] = (STABLE,), canary: tuple[str, ...] = (CANARY,), **keys: Any) -> StrategySpec:
    rollout = RolloutSpec(tuple(map(target, stable)), tuple(map(target, canary)), **keys)
    return StrategySpec("split", "canary", rollout=rollout)


def config(spec: StrategySpec | None = None, **route: Any) -> Snapshot:
    return snapshot(
        provider("openai", "gpt-4o", "gpt-4o-mini"),
        provider("anthropic", "claude", "claude-old"),
        provider("azure", "gpt-4o"),
        provider("lab"),  # takes any name
        strategies=[spec or split()],
        strategy="split",
        **route,
    )


def decided(
    made: Snapshot | None = None,
    model: str | None = "gpt-4o",
    *,
    draw: float = 0.5,
    share: float | None = None,
    seen: dict[str, Observation] | None = None,
    **keys: Any,
) -> Decision:
    who = {name: keys.pop(name) for name in ("name", "models", "providers") if name in keys}
    asked = Facts("llm", "chat", "chat", model=model, caller=CallerFacts(**who), **keys)
    shares = {} if share is None else {"split": share}
    return decide(asked, made or config(), Observations(seen or {}, shares=shares), NOW, draw)


def arm(decision: Decision) -> str | None:
    assert isinstance(decision.outcome, Plan), decision.outcome
    return decision.outcome.arm


def codes(decision: Decision) -> list[str]:
    assert isinstance(decision.outcome, Plan)
    return [step.code for step in decision.outcome.steps]


@pytest.mark.parametrize("name", ["canary", "rollout", "split", "ab", "a_b", "a-b"])
def test_the_kind_has_its_names(name: str) -> None:
    assert kind_of(name) == "canary"


# --- which arm, and in which order -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "draw", "plan", "drawn"),
    [
        (0.1, 0.09, [CANARY, STABLE], "canary"),
        (0.1, 0.1, [STABLE, CANARY], "stable"),
        (0.0, 0.0, [STABLE, CANARY], "stable"),
        (1.0, 0.999, [CANARY, STABLE], "canary"),
        (7.0, 0.999, [CANARY, STABLE], "canary"),
        (-1.0, 0.0, [STABLE, CANARY], "stable"),
    ],
)
def test_the_share_of_this_moment_decides(share: float, draw: float, plan: list[str], drawn: str) -> None:
    decision = decided(share=share, draw=draw)
    other = {"canary": "stable", "stable": "canary"}[drawn]
    assert (plan_of(decision), arm(decision), codes(decision)) == (plan, drawn, [drawn, f"{other}_fallback"])


def test_before_it_is_told_the_share_is_the_one_it_begins_with() -> None:
    made = config(split(share=0.25))
    assert arm(decided(made, draw=0.24)) == "canary"
    assert arm(decided(made, draw=0.26)) == "stable"


def test_every_place_says_the_percentage_and_why() -> None:
    plan = decided(share=0.1, draw=0.05).outcome
    assert isinstance(plan, Plan)
    assert plan.reason == "split: canary, 10 % by chance"
    assert plan.steps[1].reason == "split: stable, behind canary (10 % by chance)"
    sticks = decided(share=0.1, name="bob", draw=0.05).outcome
    assert isinstance(sticks, Plan) and "by caller" in sticks.reason and sticks.strategy == "split"


def test_targets_of_an_arm_keep_their_order_and_the_other_arms_stand_behind() -> None:
    made = config(split((STABLE, "azure/gpt-4o"), (CANARY, "anthropic/claude-old")), max_attempts=4)
    assert plan_of(decided(made, draw=0.0)) == [CANARY, "anthropic/claude-old", STABLE, "azure/gpt-4o"]


def test_the_kind_without_a_rollout_orders_as_it_is_written() -> None:
    made = snapshot(provider("alpha", "m"), provider("beta", "m"), strategies=[], strategy="canary")
    decision = decided(made, "m")
    assert (plan_of(decision), arm(decision)) == (["alpha/m", "beta/m"], None)


# --- what was asked for ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["gpt-4o", "claude", "auto", None])
@pytest.mark.parametrize(("draw", "first"), [(0.0, CANARY), (0.9, STABLE)])
def test_the_arms_stand_for_each_other(asked: str | None, draw: float, first: str) -> None:
    """Whatever one of them serves, and no name at all: the other gets its share though it is called otherwise."""
    assert plan_of(decided(model=asked, draw=draw))[0] == first


def test_the_routes_own_model_does_not_stand_before_the_canary() -> None:
    assert plan_of(decided(config(model="gpt-4o"), "auto", draw=0.0))[0] == CANARY


@pytest.mark.parametrize("draw", [0.0, 0.9])
def test_what_no_arm_serves_goes_its_way_as_without_a_canary(draw: float) -> None:
    """Or one model could not be tried on a route on which others are asked for."""
    decision = decided(model="gpt-4o-mini", draw=draw)
    assert (plan_of(decision), arm(decision)) == (["openai/gpt-4o-mini", "lab/gpt-4o-mini"], None)
    assert isinstance(decision.outcome, Plan)
    assert decision.outcome.reason == "split: first of 2 that serve gpt-4o-mini"
    assert refusal_of(decided(config(providers=("openai",)), "nothing")).reason is Reason.MODEL_NOT_FOUND


def test_a_provider_in_no_arm_that_is_asked_for_goes_its_way() -> None:
    decision = decided(model="azure/gpt-4o", draw=0.0)
    assert (plan_of(decision), arm(decision)) == (["azure/gpt-4o"], None)
    assert plan_of(decided(model="auto", provider="azure", draw=0.0)) == ["azure/gpt-4o"]


def test_others_that_serve_the_model_are_told_why_they_are_not_in_it() -> None:
    assert reasons(decided())["azure/gpt-4o"] == "strategy split does not name it"


def test_a_provider_without_a_model_serves_what_was_asked() -> None:
    made = config(split(("openai/",), ("azure/",)))
    assert plan_of(decided(made, draw=0.0)) == ["azure/gpt-4o", STABLE]
    assert plan_of(decided(made, draw=0.9)) == [STABLE, "azure/gpt-4o"]


def test_a_provider_that_was_asked_for_is_narrowed_to_and_takes_no_part() -> None:
    """Or whoever tries the canary on purpose would be judged with it."""
    decision = decided(model=CANARY, draw=0.9)
    assert (plan_of(decision), arm(decision)) == ([CANARY], None)
    assert arm(decided(model=CANARY, draw=0.0)) == "canary"


def test_callers_restrictions_hold_and_who_may_not_use_the_canary_takes_no_part() -> None:
    decision = decided(draw=0.0, models=("gpt-4o",))
    assert (plan_of(decision), arm(decision), codes(decision)) == ([STABLE], None, ["stable_fallback"])
    assert arm(decided(draw=0.0, providers=("openai",))) is None


# --- a canary that is shut -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seen", [shut(NOW + 9), Observation("probing", probes_left=0), Observation(health="shut")])
def test_an_arm_kept_back_by_its_breaker_is_still_the_arm_that_was_drawn(seen: Observation) -> None:
    """Or a canary that fails at once would never be judged: its breaker hides it before its samples are enough."""
    decision = decided(draw=0.0, seen={CANARY: seen})
    assert (plan_of(decision), arm(decision), codes(decision)) == ([STABLE], "canary", ["stable_fallback"])
    assert isinstance(decision.outcome, Plan)
    assert decision.outcome.reason == "split: stable, because canary (10 % by chance) is shut"


@pytest.mark.parametrize(
    "restricted",
    [{"models": ("gpt-4o",)}, {"providers": ("openai",)}, {"provider": "openai"}],
)
def test_a_shut_canary_is_no_matter_of_those_who_may_not_use_it(restricted: dict[str, Any]) -> None:
    assert arm(decided(draw=0.0, seen={CANARY: shut(NOW + 9)}, **restricted)) is None


def test_a_route_that_does_not_allow_the_canary_takes_no_part() -> None:
    made = config(providers=("openai",))
    assert arm(decided(made, draw=0.0, seen={CANARY: shut(NOW + 9)})) is None


def test_one_target_of_the_arm_that_is_left_stands_for_it() -> None:
    made = config(split((STABLE,), (CANARY, "anthropic/claude-old")))
    decision = decided(made, draw=0.0, seen={CANARY: shut(NOW + 9)})
    assert (plan_of(decision)[0], arm(decision)) == ("anthropic/claude-old", "canary")


def test_an_arm_that_would_lose_something_and_stands_behind_for_it_takes_no_part() -> None:
    lossy = replace(provider("other", Model("command")), dialect="cohere")
    made = snapshot(
        provider("openai", "gpt-4o"), lossy, strategies=[split((STABLE,), ("other/command",))], strategy="split"
    )
    decision = decided(made, draw=0.0, features=frozenset({"parallel_tool_calls", "logit_bias"}))
    assert plan_of(decision)[0] == STABLE and arm(decision) is None


# --- sticky ----------------------------------------------------------------------------------------------------------

keys = st.text(min_size=1, max_size=30)
shares = st.floats(0, 1)


@given(keys, shares, shares, st.floats(0, 0.999), st.floats(0, 0.999))
def test_a_caller_stays_in_its_arm_and_in_the_canary_while_the_share_grows(
    name: str, one: float, other: float, draw: float, another: float
) -> None:
    small, large = sorted((one, other))
    before = arm(decided(share=small, name=name, draw=draw))
    assert arm(decided(share=small, name=name, draw=another)) == before
    if before == "canary":
        assert arm(decided(share=large, name=name, draw=another)) == "canary"


@pytest.mark.parametrize(
    ("sticky", "facts"), [("caller", {"name": "bob"}), ("session", {"session": "s"}), ("user", {"user": "u"})]
)
def test_each_kind_of_key_sticks(sticky: Any, facts: dict[str, Any]) -> None:
    made = config(split(sticky=sticky, share=0.5))
    assert len({arm(decided(made, draw=draw / 20, **facts)) for draw in range(20)}) == 1
    assert len({arm(decided(made, draw=draw / 20)) for draw in range(20)}) == 2, "without a key it is drawn"


def test_sticky_none_is_drawn_whoever_calls() -> None:
    made = config(split(sticky="none", share=0.5))
    assert {arm(decided(made, name="bob", session="s", user="u", draw=draw)) for draw in (0.1, 0.9)} == {
        "canary",
        "stable",
    }


def test_callers_spread_as_the_share_says_and_differently_in_each_strategy() -> None:
    points = [point_of("split", f"caller-{number}") for number in range(4000)]
    assert all(0 <= point < 1 for point in points)
    assert 0.08 < sum(point < 0.1 for point in points) / len(points) < 0.12
    others = [point_of("another", f"caller-{number}") for number in range(4000)]
    both = sum(one < 0.1 and other < 0.1 for one, other in zip(points, others, strict=True))
    assert both < 100, "the same unlucky ones would be in every canary"


@given(st.floats(allow_nan=False), st.floats(0, 0.999), st.none() | keys)
def test_everybody_comes_back_once_in_one_of_two_orders(share: float, draw: float, name: str | None) -> None:
    decision = decided(share=share, draw=draw, name=name)
    assert plan_of(decision) in ([STABLE, CANARY], [CANARY, STABLE])
    assert arm(decision) == {STABLE: "stable", CANARY: "canary"}[plan_of(decision)[0]]


@pytest.mark.parametrize(
    ("stable", "canary", "asked", "whose"),
    [
        ("openai/", "openai/gpt-5", "openai/gpt-5", "canary"),
        ("openai/", "openai/gpt-5", "openai/gpt-4o", "stable"),
        ("openai/gpt-4o", "openai/", "openai/gpt-4o", "stable"),
        ("openai/gpt-4o", "azure/", "lab/gpt-4o", None),
    ],
)
def test_a_model_that_is_written_out_goes_before_any_of_its_provider(
    stable: str, canary: str, asked: str, whose: str | None
) -> None:
    rollout = RolloutSpec((target(stable),), (target(canary),))
    assert arm_of(rollout, Target(*asked.split("/"))) == whose
