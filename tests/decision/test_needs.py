"""Strategies that look at the request and the model, as the documents' examples have them → target and reason."""

from typing import Any

import pytest

from extproc.decision.strategies import KINDS, OTHER_NAMES, kind_of
from extproc.decision.strategies.areas import area_of
from extproc.snapshot import Model, Snapshot, StrategySpec
from tests.decision.samples import NOW, decided, plan_of, provider, reasons, shut, snapshot

EQUAL = "; equal; earlier in the file"


def first_of(config: Snapshot, model: str | None = None, **keys: Any) -> tuple[str, str]:
    decision = decided(config, model, **keys)
    return plan_of(decision)[0], decision.outcome.reason  # type: ignore[union-attr]


def caps(*names: str) -> frozenset[str]:
    return frozenset(names)


# --- the unified router of the third document ------------------------------------------------------------------------

ROUTER = snapshot(
    provider("openai", Model("gpt-3.5-turbo", context=16_385), Model("gpt-4-turbo", context=128_000)),
    provider(
        "vertex",
        Model("gemini-1.5-flash-001", context=1_000_000),
        Model("code-bison@002", context=6_144),
        Model("gemini-1.5-pro-001", context=1_000_000),
    ),
    provider(
        "bedrock",
        Model("anthropic.claude-3-haiku-20240307-v1:0", context=200_000),
        Model("anthropic.claude-3-opus-20240229-v1:0", context=200_000),
    ),
    provider("somewhere", Model("unheard-of")),
    max_attempts=9,
)


@pytest.mark.parametrize(
    ("request_", "plan", "reason"),
    [
        (
            {"strategy": "quality"},
            ["openai/gpt-4-turbo", "vertex/gemini-1.5-pro-001", "bedrock/anthropic.claude-3-opus-20240229-v1:0"],
            "quality: one of the best, by its name",
        ),
        (
            {"strategy": "long_context", "requirements": {"min_context_window": 200_000.0}},
            [
                "vertex/gemini-1.5-pro-001",
                "vertex/gemini-1.5-flash-001",
                "bedrock/anthropic.claude-3-opus-20240229-v1:0",
                "bedrock/anthropic.claude-3-haiku-20240307-v1:0",
                "somewhere/unheard-of",
            ],
            "long_context: a context of 1000000 tokens",
        ),
        (
            {"strategy": "long_context", "requirements": {"min_context_window": 500_000.0}},
            ["vertex/gemini-1.5-pro-001", "vertex/gemini-1.5-flash-001", "somewhere/unheard-of"],
            "long_context: a context of 1000000 tokens",
        ),
        (
            {"strategy": "code"},
            ["vertex/code-bison@002", "openai/gpt-4-turbo"],
            "code: made for code, by its name",
        ),
        ({"strategy": "code_generation"}, ["vertex/code-bison@002"], "code: made for code, by its name"),
        (
            {"strategy": "code", "input_tokens": 10_000},
            ["openai/gpt-4-turbo"],
            "code: not made for code; one of the best, by its name",
        ),
    ],
)
def test_examples_of_the_third_document(request_: dict[str, Any], plan: list[str], reason: str) -> None:
    decision = decided(ROUTER, **request_)
    assert plan_of(decision)[: len(plan)] == plan
    assert decision.outcome.reason.removesuffix(EQUAL) == reason  # type: ignore[union-attr]


def test_quality_of_a_model_that_was_named_is_that_model() -> None:
    assert plan_of(decided(ROUTER, "gemini-1.5-pro-001", strategy="quality")) == ["vertex/gemini-1.5-pro-001"]


def test_the_small_ones_stand_behind_all_others() -> None:
    plan = plan_of(decided(ROUTER, strategy="quality"))
    assert plan[3:5] == ["vertex/code-bison@002", "somewhere/unheard-of"]
    assert set(plan[5:]) == {
        "openai/gpt-3.5-turbo",
        "vertex/gemini-1.5-flash-001",
        "bedrock/anthropic.claude-3-haiku-20240307-v1:0",
    }


def test_what_the_operator_marks_goes_before_the_name() -> None:
    config = snapshot(
        provider("a", Model("gpt-4o"), Model("mine", quality=0.95), Model("poor", quality=0.1), Model("haiku")),
        strategy="best",
        max_attempts=9,
    )
    decision = decided(config)
    assert plan_of(decision) == ["a/mine", "a/gpt-4o", "a/haiku", "a/poor"]
    assert decision.outcome.reason.removesuffix(EQUAL) == "quality: quality 0.95, as configured"  # type: ignore[union-attr]


def test_a_deployment_is_known_by_the_name_that_callers_say() -> None:
    config = snapshot(
        provider("azure", Model("smart", upstream="gpt-4o-mini"), Model("gpt-4", upstream="prod-eu-1")),
        strategy="quality",
    )
    assert plan_of(decided(config)) == ["azure/gpt-4", "azure/smart"]


def test_all_unknown_contexts_stay_as_written_and_one_candidate_is_the_plan() -> None:
    config = snapshot(provider("a", "x"), provider("b", "y"), strategy="long_context")
    decision = decided(config)
    assert plan_of(decision) == ["a/x", "b/y"]
    assert decision.outcome.reason.removesuffix(EQUAL) == "long_context: its context is not known"  # type: ignore[union-attr]
    assert plan_of(decided(config, "y")) == ["b/y"]


def test_code_may_be_declared_by_a_model_or_its_provider() -> None:
    config = snapshot(
        provider("a", Model("gpt-4o")),
        provider("b", Model("haiku", capabilities=caps("code"))),
        provider("c", "opus", capabilities=caps("code")),
        strategy="coding",
    )
    assert plan_of(decided(config)) == ["c/opus", "b/haiku", "a/gpt-4o"]


def test_a_strategy_of_the_fourth_documents_name_is_the_configured_one() -> None:
    spec = StrategySpec("code_generation", "ordered", weights={})
    config = snapshot(provider("anthropic", "claude-3-opus"), provider("x", "codestral"), strategies=[spec])
    assert first_of(config, strategy="code_generation")[0] == "anthropic/claude-3-opus"
    assert first_of(config, strategy="code")[0] == "x/codestral"


# --- capabilities: the clusters of the second document ---------------------------------------------------------------

CLUSTERS = snapshot(
    provider("aws-gpu", "llama", capabilities=caps("large-context", "reasoning")),
    provider("aws-cpu", "llama", capabilities=caps("simple-tasks")),
    provider("plain", "llama"),
    strategy="capability",
)


@pytest.mark.parametrize(
    ("sentence", "request_", "plan", "reason"),
    [
        ("a small prompt", {"input_tokens": 20}, "aws-cpu aws-gpu plain", "it declares simple_tasks"),
        ("one between", {"input_tokens": 1500}, "aws-gpu aws-cpu plain", "nothing is asked for"),
        ("a long prompt", {"input_tokens": 2000}, "aws-gpu aws-cpu plain", "it declares large_context"),
        ("an effort", {"features": caps("reasoning_effort")}, "aws-gpu aws-cpu plain", "it declares reasoning"),
        ("a tag", {"tags": caps("Simple_Tasks")}, "aws-cpu aws-gpu plain", "it declares simple_tasks"),
        (
            "a tag of which nobody knows",
            {"tags": caps("poetry")},
            "aws-gpu aws-cpu plain",
            "it declares nothing of poetry",
        ),
        (
            "both",
            {"tags": caps("reasoning", "poetry"), "input_tokens": 9000},
            "aws-gpu aws-cpu plain",
            "it declares large_context, reasoning of large_context, poetry, reasoning",
        ),
    ],
)
def test_examples_of_the_second_document(sentence: str, request_: dict[str, Any], plan: str, reason: str) -> None:
    decision = decided(CLUSTERS, "llama", **request_)
    assert plan_of(decision) == [f"{name}/llama" for name in plan.split()], sentence
    assert decision.outcome.reason.removesuffix(EQUAL) == f"capability: {reason}"  # type: ignore[union-attr]


def test_unknown_is_not_cannot() -> None:
    config = snapshot(
        provider("blind", Model("a", capabilities=caps("no_vision", "tools"))),
        provider("unknown", Model("b")),
        provider("able", Model("c", capabilities=caps("vision"))),
        provider("most", Model("d", capabilities=caps("vision", "tools", "json_schema"))),
        strategy="capability_based",
        max_attempts=9,
    )
    decision = decided(config, needs=caps("vision", "tools"))
    assert plan_of(decision) == ["most/d", "able/c", "unknown/b", "blind/a"]
    told = {str(one.target): one.reason for one in decision.candidates}
    assert told["blind/a"] == "capability: it cannot do vision"
    assert told["able/c"] == "capability: it declares vision of tools, vision"
    assert told["unknown/b"] == "capability: it declares nothing of tools, vision"
    assert plan_of(decided(config, needs=caps("tools")))[0] == "blind/a"


def test_who_can_do_the_one_can_do_the_other() -> None:
    config = snapshot(
        provider("none", Model("a", capabilities=caps("tools"))),
        provider("able", Model("b", context=200_000, capabilities=caps("pdf", "json_schema"))),
        strategy="capability",
    )
    for need in ("files", "json_object"):
        assert plan_of(decided(config, needs=caps(need))) == ["able/b", "none/a"], need
    assert plan_of(decided(config, input_tokens=5000)) == ["able/b", "none/a"]


# --- regions ---------------------------------------------------------------------------------------------------------

WORLD = [
    provider("nowhere", "m"),
    provider("virginia", "m", region="us-east-1"),
    provider("tokyo", "m", region="asia-northeast1"),
    provider("frankfurt", "m", region="eu-central-1"),
    provider("ireland", "m", region="eu-west-1"),
    provider("holland", "m", region="europe-west4"),
    provider("azure", "m", region="germanywestcentral"),
]


def world(*regions: str) -> Snapshot:
    spec = StrategySpec("near", "region", regions=regions)
    return snapshot(*WORLD, strategies=[spec], strategy="near", max_attempts=9)


@pytest.mark.parametrize(
    ("regions", "own", "plan", "reason"),
    [
        (
            (),
            "eu-west-1",
            "ireland frankfurt holland azure virginia tokyo nowhere",
            "it is in eu-west-1, the request's region",
        ),
        ((), "", "virginia tokyo frankfurt ireland holland azure nowhere", "it is in us-east-1"),
        (
            ("eu-west-*", "us-*"),
            "",
            "ireland virginia frankfurt holland azure tokyo nowhere",
            "it is in eu-west-1, number 1 of the regions",
        ),
        (
            ("us-*",),
            "europe-west1",
            "frankfurt ireland holland azure virginia tokyo nowhere",
            "eu-central-1 is near europe-west1, the request's region",
        ),
        (("mars-1",), "", "virginia tokyo frankfurt ireland holland azure nowhere", "it is in us-east-1"),
        (
            ("japaneast",),
            "",
            "tokyo virginia frankfurt ireland holland azure nowhere",
            "asia-northeast1 is near japaneast",
        ),
    ],
)
def test_the_nearest_region_goes_first(regions: tuple[str, ...], own: str, plan: str, reason: str) -> None:
    """The request's own, its area, the listed ones, those near them, the others, the unknown."""
    decision = decided(world(*regions), "m", labels={"region": own} if own else {})
    assert plan_of(decision) == [f"{name}/m" for name in plan.split()]
    assert decision.outcome.reason.removesuffix(EQUAL) == f"near: {reason}"  # type: ignore[union-attr]


def test_the_nearest_that_is_shut_is_left_for_the_next() -> None:
    plan = plan_of(decided(world(), "m", labels={"region": "EU-WEST-1"}, seen={"ireland/m": shut(NOW + 5)}))
    assert plan[0] == "frankfurt/m"


@pytest.mark.parametrize(
    ("region", "area"),
    [
        ("us-west-2", "us"), ("us-central1", "us"), ("eastus2", "us"), ("westus", "us"), ("us-gov-west-1", "us"),
        ("usgovvirginia", "us"), ("eu-west-1", "eu"), ("europe-west4", "eu"), ("westeurope", "eu"), ("uksouth", "eu"),
        ("swedencentral", "eu"), ("eu", "eu"), ("eu-*", "eu"), ("ap-northeast-1", "ap"), ("asia-east1", "ap"),
        ("southeastasia", "ap"), ("centralindia", "ap"), ("ap-southeast-2", "au"), ("australiaeast", "au"),
        ("australia-southeast1", "au"), ("ca-central-1", "ca"), ("northamerica-northeast1", "ca"),
        ("canadacentral", "ca"), ("sa-east-1", "sa"), ("brazilsouth", "sa"), ("me-south-1", "me"),
        ("southafricanorth", "af"), ("global", None), ("", None), ("*", None), ("lab", None), ("moon-1", None),
    ],
)  # fmt: skip
def test_areas(region: str, area: str | None) -> None:
    """AWS, Google and Azure."""
    assert area_of(region) == area


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("quality-focused", "quality"), ("best", "quality"), ("longest-context", "long_context"),
        ("long-context", "long_context"), ("code-generation", "code"), ("coding", "code"),
        ("capability-based", "capability"), ("nearest", "region"), ("geo", "region"), ("consistent-hash", "sticky"),
    ],
)  # fmt: skip
def test_other_names(name: str, kind: str) -> None:
    """With `-` or `_`."""
    assert kind_of(name) == kind


def test_no_other_name_hides_a_kind() -> None:
    assert not set(OTHER_NAMES) & set(KINDS)
    assert set(OTHER_NAMES.values()) <= set(KINDS)
    assert reasons(decided(ROUTER, "nothing", strategy="quality")) == {}
