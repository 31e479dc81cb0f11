"""Targets that cannot be told all that was asked: behind the others, out of the plan, or nobody's."""

from dataclasses import replace

import pytest

from extproc.decision.plan import Plan
from extproc.dialects.openai.features import AUDIO, IMAGE_LINK
from extproc.refusal import Reason
from tests.decision.samples import decided, plan_of, provider, reasons, refusal_of, snapshot

CLAUDE = replace(provider("claude", "m"), dialect="anthropic")
OLLAMA = replace(provider("ollama", "m"), dialect="ollama")
PLAIN = provider("plain", "m")
ALL = (CLAUDE, OLLAMA, PLAIN)
ALIASES = {"smart": ["claude/m", "ollama/m", "plain/m"]}


def features(*names: str) -> frozenset[str]:
    return frozenset(names)


@pytest.mark.parametrize(
    ("asked", "plan"),
    [
        (features(), ["claude/m", "ollama/m", "plain/m"]),
        (features("temperature", "max_completion_tokens"), ["claude/m", "ollama/m", "plain/m"]),
        (features("logprobs"), ["ollama/m", "plain/m", "claude/m"]),
        (features("n"), ["plain/m", "claude/m", "ollama/m"]),
        (features("prompt_cache_key", "verbosity"), ["claude/m", "ollama/m", "plain/m"]),
    ],
)
@pytest.mark.parametrize("name", ["m", "smart"])
def test_a_plan_prefers_who_loses_nothing_that_matters(asked: frozenset[str], plan: list[str], name: str) -> None:
    assert plan_of(decided(snapshot(*ALL, aliases=ALIASES), name, features=asked)) == plan


def test_who_stands_behind_for_it_is_told_why() -> None:
    decision = decided(snapshot(*ALL), "m", features=features("n"))
    (claude,) = [one for one in decision.candidates if str(one.target) == "claude/m"]
    assert claude.kept and claude.reason.endswith("it cannot be told n")
    assert isinstance(decision.outcome, Plan)
    assert decision.outcome.reason.endswith("; ahead of claude/m, which loses something")


def test_where_the_route_drops_nobody_moves() -> None:
    decision = decided(snapshot(*ALL, on_loss="drop"), "m", features=features("n"))
    assert plan_of(decision) == ["claude/m", "ollama/m", "plain/m"]


def test_where_the_route_rejects_whoever_loses_is_out() -> None:
    decision = decided(snapshot(*ALL, on_loss="reject"), "m", features=features("n", "verbosity"))
    assert plan_of(decision) == ["plain/m"]
    assert "cannot be told n" in reasons(decision)["claude/m"]


def test_with_nobody_left_the_parameter_is_named() -> None:
    refusal = refusal_of(decided(snapshot(CLAUDE, on_loss="reject"), "m", features=features("n")))
    assert (refusal.reason, refusal.status, refusal.param) == (Reason.UNSUPPORTED_PARAMETER, 400, "n")


@pytest.mark.parametrize("on_loss", ["warn", "drop", "reject"])
def test_content_that_an_api_cannot_take_leaves_it_out_whatever_the_route_says(on_loss: str) -> None:
    decision = decided(snapshot(*ALL, on_loss=on_loss), "m", features=features(AUDIO))
    assert plan_of(decision) == ["plain/m"]
    refusal = refusal_of(decided(snapshot(OLLAMA, on_loss=on_loss), "m", features=features(IMAGE_LINK)))
    assert (refusal.reason, refusal.param) == (Reason.UNSUPPORTED_PARAMETER, IMAGE_LINK)


def test_an_endpoint_that_an_api_does_not_have_leaves_it_out() -> None:
    decision = decided(snapshot(CLAUDE, PLAIN), "m", endpoint="responses")
    assert plan_of(decision) == ["plain/m"]
    assert reasons(decision) == {"claude/m": "its API (anthropic) has no responses"}


def test_only_as_many_are_looked_at_as_a_plan_holds() -> None:
    many = [replace(provider(f"p{place}", "m"), dialect="anthropic") for place in range(9)]
    decision = decided(snapshot(PLAIN, *many, max_attempts=1), "m", features=features("n"))
    assert plan_of(decision) == ["plain/m"]
    assert len(decision.candidates) == 10
