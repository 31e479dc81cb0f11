"""Rules around strategies, as the first document routes: small prompts, embeddings, safety."""

import pytest

from extproc.decision.decide import decide
from extproc.decision.plan import Observations
from extproc.snapshot import Model, Rule, StrategySpec
from tests.decision.samples import NOW, decided, facts, plan_of, provider, reasons, shut, snapshot

BOTH = frozenset({"chat", "embeddings"})
SEED = (
    Rule("tokens < 1000", "openrouter"),
    Rule("task_type == 'embedding'", "openai"),
    Rule("safety_required == true", "anthropic"),
)
GATEWAY = snapshot(
    provider("openai", Model("m", endpoints=BOTH)),
    provider("anthropic", Model("m", endpoints=BOTH)),
    provider("openrouter", Model("m", endpoints=BOTH)),
    strategies=[StrategySpec("cost-optimized", "ordered", rules=SEED)],
    strategy="cost-optimized",
)


@pytest.mark.parametrize(
    ("request_", "plan", "reason"),
    [
        (
            {"input_tokens": 999},
            ["openrouter/m", "openai/m", "anthropic/m"],
            "rule 1: tokens < 1000; cost-optimized: third of 3 that serve m",
        ),
        (
            {"input_tokens": 1000, "labels": {"task_type": "embedding"}},
            ["openai/m", "anthropic/m", "openrouter/m"],
            "rule 2: task_type == 'embedding'; cost-optimized: first of 3 that serve m",
        ),
        (
            {"input_tokens": 1000, "family": "embeddings", "endpoint": "embeddings"},
            ["openai/m", "anthropic/m", "openrouter/m"],
            "rule 2: task_type == 'embedding'; cost-optimized: first of 3 that serve m",
        ),
        (
            {"input_tokens": 5000, "labels": {"safety_required": "true"}},
            ["anthropic/m", "openai/m", "openrouter/m"],
            "rule 3: safety_required == true; cost-optimized: second of 3 that serve m",
        ),
        (
            {"input_tokens": 10, "labels": {"safety_required": "true"}},
            ["openrouter/m", "openai/m", "anthropic/m"],
            "rule 1: tokens < 1000; cost-optimized: third of 3 that serve m",
        ),
        (
            {"input_tokens": 5000, "labels": {"safety_required": "false"}},
            ["openai/m", "anthropic/m", "openrouter/m"],
            "cost-optimized: first of 3 that serve m",
        ),
    ],
)
def test_the_first_rule_that_holds_puts_its_provider_first(
    request_: dict[str, object], plan: list[str], reason: str
) -> None:
    decision = decided(GATEWAY, "m", **request_)
    assert plan_of(decision) == plan
    assert decision.outcome.reason == reason  # type: ignore[union-attr]
    assert decision.outcome.steps[0].code == ("rule" if reason.startswith("rule") else "ordered")  # type: ignore[union-attr]


def test_a_rule_whose_provider_is_not_among_the_candidates_is_passed_over() -> None:
    small = {"input_tokens": 10, "labels": {"safety_required": "true"}}
    down = decided(GATEWAY, "m", seen={"openrouter/m": shut(NOW + 9)}, **small)
    assert plan_of(down) == ["anthropic/m", "openai/m"]
    assert down.outcome.reason.startswith("rule 3: safety_required == true; ")  # type: ignore[union-attr]
    assert "openrouter/m" in reasons(down)
    forbidden = decided(GATEWAY, "m", providers=("openai",), **small)
    assert plan_of(forbidden) == ["openai/m"]


def test_all_targets_of_the_rules_provider_go_first_in_the_strategys_order() -> None:
    config = snapshot(
        provider("a", "m"),
        provider("b", "n", "m", "o"),
        strategies=[StrategySpec("s", "ordered", rules=(Rule("stream", "b"),))],
        strategy="s",
    )
    assert plan_of(decided(config, stream=True)) == ["b/n", "b/m", "b/o"]
    assert plan_of(decided(config, stream=False))[0] == "a/m"


def test_a_rule_never_chooses_what_the_strategy_does_not() -> None:
    spec = StrategySpec("w", "weighted", weights={"a": 1.0, "b": 0.0}, rules=(Rule("true", "b"), Rule("stream", "a")))
    config = snapshot(provider("a", "m"), provider("b", "m"), strategies=[spec], strategy="w")
    decision = decided(config, "m", stream=True)
    assert plan_of(decision) == ["a/m"]
    assert decision.outcome.reason == "rule 2: stream; w: drawn with 100 %"  # type: ignore[union-attr]


def test_a_rule_goes_before_who_lists_a_model_before_who_takes_any_name() -> None:
    spec = StrategySpec("s", "ordered", rules=(Rule("tokens < 1000", "openrouter"),))
    config = snapshot(provider("openai", "m"), provider("openrouter"), strategies=[spec], strategy="s")
    assert plan_of(decided(config, "m", input_tokens=5)) == ["openrouter/m", "openai/m"]


def test_a_rule_without_a_value_does_not_hold_and_says_so() -> None:
    spec = StrategySpec("s", "ordered", rules=(Rule("requirements.min_context > 1 || max_output_tokens > 5", "b"),))
    config = snapshot(provider("a", "m"), provider("b", "m"), strategies=[spec], strategy="s")
    decision = decided(config, "m")
    assert plan_of(decision) == ["a/m", "b/m"]
    assert decision.candidates[1].reason == (
        "s: second of 2 that serve m; rule 1 does not hold, because there is no requirements.min_context,"
        " max_output_tokens"
    )
    assert decision.outcome.reason == "s: first of 2 that serve m"  # type: ignore[union-attr]
    assert plan_of(decided(config, "m", max_output_tokens=6)) == ["b/m", "a/m"]


def test_a_condition_that_is_none_never_holds_and_reasons_stay_printable() -> None:
    spec = StrategySpec("s", "ordered", rules=(Rule("tokens <", "b"), Rule("team == 'ä\u2028' || true", "b")))
    config = snapshot(provider("a", "m"), provider("b", "m"), strategies=[spec], strategy="s")
    reason = decide(facts("m"), config, Observations(), NOW, 0.5).outcome.reason  # type: ignore[union-attr]
    assert reason.startswith("rule 2: team == '??' || true; s: ")
