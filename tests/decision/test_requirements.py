"""Requirements that leave targets out, and the strategy that a caller has."""

import pytest

from extproc.decision.decide import decide
from extproc.decision.plan import Observations, Plan
from extproc.facts.request import CallerFacts, Facts
from extproc.refusal import Reason
from extproc.snapshot import Model, StrategySpec
from tests.decision.samples import NOW, decided, plan_of, provider, reasons, refusal_of, snapshot, target

GATEWAY = snapshot(
    provider("openai", Model("gpt-4-turbo", context=128_000)),
    provider("anthropic", Model("claude-3-opus", context=200_000)),
    provider("lab", Model("unknown")),
)


@pytest.mark.parametrize("name", ["min_context_window", "min_context"])
def test_a_context_that_is_required_leaves_out_whose_is_known_to_be_smaller(name: str) -> None:
    decision = decided(GATEWAY, requirements={name: 200_000.0})
    assert plan_of(decision) == ["anthropic/claude-3-opus", "lab/unknown"]
    assert reasons(decision) == {
        "openai/gpt-4-turbo": "its context of 128000 is smaller than the 200000 that requirements ask for"
    }


def test_a_context_that_nobody_has_is_refused() -> None:
    refusal = refusal_of(decided(GATEWAY, "gpt-4-turbo", requirements={"min_context_window": 1e300}))
    assert (refusal.reason, refusal.param) == (Reason.CONTEXT_LENGTH, "requirements")
    assert refusal.message == (
        "requirements ask for a context of 1000000000000 tokens, and the largest there is has 128000"
    )


@pytest.mark.parametrize("asked", [{}, {"min_context": -5.0}, {"min_context": True}, {"min_context": ("1",)}])
def test_what_is_no_number_of_tokens_leaves_nobody_out(asked: dict[str, object]) -> None:
    """Less than nothing, a boolean, a list."""
    assert len(plan_of(decided(GATEWAY, requirements=asked))) == 3


# --- the caller's strategy -------------------------------------------------------------------------------------------

TWO = snapshot(
    provider("a", "m"),
    provider("b", "m"),
    strategies=[
        StrategySpec(name, "ordered", (target(f"{first}/"), target("a/")))
        for name, first in (("callers", "b"), ("cost_first", "a"), ("back-first", "b"))
    ],
    strategy="cost_first",
)


def plan_for(caller: str | None, asked: str | None) -> list[str]:
    facts = Facts("llm", "chat", "chat", model="m", strategy=asked, caller=CallerFacts("ci", strategy=caller))
    outcome = decide(facts, TWO, Observations(), NOW, 0.5).outcome
    return [str(step.target) for step in outcome.steps] if isinstance(outcome, Plan) else [outcome.reason.code]


@pytest.mark.parametrize(
    ("caller", "asked", "plan"),
    [
        (None, None, ["a/m"]),
        ("callers", None, ["b/m", "a/m"]),
        ("callers", "cost_first", ["a/m"]),
        (None, "callers", ["b/m", "a/m"]),
        (None, "cost-first", ["a/m"]),
        (None, "back_first", ["b/m", "a/m"]),
        ("nobodys", None, ["unknown_strategy"]),
        ("nobodys", "ordered", ["a/m", "b/m"]),
    ],
)
def test_the_requests_strategy_then_the_callers_then_the_routes(
    caller: str | None, asked: str | None, plan: list[str]
) -> None:
    """`-` and `_` are the same; what does not exist is refused."""
    assert plan_for(caller, asked) == plan
