"""The routing examples of the multi-cloud router's document: its clusters and providers, its strategies, its reasons.

The target that the document says, for the reason that its metrics would name.
"""

import pytest

from extproc.decision.plan import Observation
from extproc.money import nanos
from extproc.refusal import Reason
from extproc.snapshot import StrategySpec
from tests.decision.measured import api, cluster, codes, names, ranked, seen, why
from tests.decision.samples import refusal_of

AWS = cluster("aws-us-west-2", 0.0928)
GPU = cluster("aws-gpu", 0.378, tokens_per_second=200.0)
OPENAI = api("openai", 0.5, 1.5)  # gpt-3.5-turbo
CLAUDE = api("claude", 0.25, 1.25)  # claude-3-haiku
GEMINI = api("gemini", 0.075, 0.3)  # gemini-1.5-flash
EVERYBODY = (AWS, GPU, OPENAI, CLAUDE, GEMINI)

DOWN = Observation(health="shut")
BUSY = Observation(queue_depth=seen(11))
SLOW = Observation(latency_p95=seen(5.001))
HI = {"input_tokens": 1, "max_output_tokens": 10}
ANALYSIS = {"input_tokens": 600, "max_output_tokens": 2000}


@pytest.mark.parametrize(
    ("sentence", "strategy", "weather", "target", "reason"),
    [
        ("hybrid: cheap requests go to self-hosted clusters", "hybrid", {}, "aws-gpu", "hybrid_cluster"),
        ("and to the next one when it is busy", "hybrid", {"aws-gpu": BUSY}, "aws-us-west-2", "hybrid_cluster"),
        (
            "fallback: external providers when clusters are unhealthy, the cheapest",
            "hybrid",
            {"aws-gpu": DOWN, "aws-us-west-2": DOWN},
            "gemini",
            "hybrid_cheapest",
        ),
        (
            "or too slow, or overloaded",
            "hybrid",
            {"aws-gpu": SLOW, "aws-us-west-2": BUSY},
            "gemini",
            "hybrid_cheapest",
        ),
        ("cost-first: the absolute cheapest option available", "cost-first", {}, "gemini", "lowest_cost"),
        ("which need not be an API", "cost-first", {"gemini": DOWN, "claude": DOWN}, "aws-gpu", "lowest_cost"),
        ("cluster-first: self-hosted for cost control", "cluster-first", {}, "aws-gpu", "cluster_first"),
        (
            "fallback to external providers when clusters are down or overloaded",
            "cluster-first",
            {"aws-gpu": DOWN, "aws-us-west-2": BUSY},
            "gemini",
            "external_fallback",
        ),
        ("external-first: external providers for reliability", "external-first", {}, "gemini", "external_first"),
        (
            "fallback to self-hosted",
            "external-first",
            {"openai": DOWN, "claude": DOWN, "gemini": DOWN},
            "aws-gpu",
            "cluster_fallback",
        ),
        (
            "latency-first: the lowest latency, usually self-hosted",
            "latency-first",
            {
                "aws-us-west-2": Observation(first_token={0: seen(0.9)}, per_token=seen(0.1)),
                "aws-gpu": Observation(first_token={0: seen(0.1)}, per_token=seen(0.005)),
                **{one: Observation(first_token={0: seen(0.4)}, per_token=seen(0.02)) for one in ("openai", "claude")},
                "gemini": Observation(first_token={0: seen(0.3)}, per_token=seen(0.01)),
            },
            "aws-gpu",
            "lowest_latency",
        ),
    ],
)
def test_each_strategy_goes_where_the_document_says(
    sentence: str, strategy: str, weather: dict[str, Observation], target: str, reason: str
) -> None:
    decision = ranked(strategy, *EVERYBODY, seen=weather, **ANALYSIS)
    assert (names(decision)[0], codes(decision)[0]) == (target, reason), sentence


def test_a_simple_request_goes_to_the_cpu_cluster() -> None:
    decision = ranked("hybrid", OPENAI, AWS, **HI)
    assert names(decision) == ["aws-us-west-2", "openai"]
    assert why(decision, "aws-us-west-2").endswith(
        "$0.00284 for 1,000 tokens at 10 tokens a second (assumed), within $0.01"
    )


def test_the_gpu_setup_needs_its_higher_threshold_while_its_gpu_is_slow() -> None:
    """`clusterCostThreshold: 0.05      # Higher threshold to utilize GPU clusters`"""
    slow = {"aws-gpu": Observation(tokens_per_second=seen(10))}
    assert names(ranked("hybrid", GPU, GEMINI, seen=slow, **ANALYSIS)) == ["gemini", "aws-gpu"]
    higher = StrategySpec("gpu", "hybrid", cluster_cost_threshold=nanos(0.05))
    assert names(ranked(higher, GPU, GEMINI, seen=slow, **ANALYSIS)) == ["aws-gpu", "gemini"]


@pytest.mark.parametrize("strategy", ["hybrid", "cost", "latency", "cluster_first", "external_first", "round_robin"])
def test_with_everybody_down_nothing_is_tried_and_the_caller_told_when(strategy: str) -> None:
    refusal = refusal_of(ranked(strategy, *EVERYBODY, seen=dict.fromkeys((one.name for one in EVERYBODY), DOWN)))
    assert (refusal.reason, refusal.status, refusal.retry_after) == (Reason.NO_TARGET_AVAILABLE, 503, 30)


@pytest.mark.parametrize("strategy", ["hybrid", "cost", "latency", "cluster_first", "external_first", "token_balance"])
@pytest.mark.parametrize("alone", EVERYBODY, ids=lambda one: one.name)
def test_one_candidate_is_taken_whatever_is_known_of_it(strategy: str, alone: object) -> None:
    for weather in (Observation(), BUSY, SLOW, Observation(in_flight=9, asleep=True, tokens_left=seen(0))):
        assert len(names(ranked(strategy, alone, seen={alone.name: weather}))) == 1  # type: ignore
