"""By cost: `cost`, `hybrid`, `cluster_first`, `external_first`, as the documents describe them."""

import math
from typing import Any

import pytest

from extproc.decision import cluster_cost
from extproc.decision.plan import Observation
from extproc.money import nanos
from extproc.refusal import Reason
from extproc.snapshot import ClusterSpec, Model, StrategySpec
from tests.decision.measured import api, cluster, codes, dollars_a_million, names, ranked, score, seen, why
from tests.decision.samples import provider, reasons, refusal_of

# --- clusters by the hour --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dollars_an_hour", "tokens_per_second", "dollars"),
    [(0.0928, 10, 0.00283556), (0.0928, 50, 0.00056711), (0.378, 200, 0.0005775)],
)
def test_a_thousand_tokens_of_a_cluster_cost_as_the_document_reckons(
    dollars_an_hour: float, tokens_per_second: float, dollars: float
) -> None:
    amount = cluster_cost.per_1k(ClusterSpec(nanos(dollars_an_hour)), tokens_per_second)
    assert amount is not None
    assert amount / 1e9 == pytest.approx(dollars, abs=5e-9)


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan, math.inf, 5e-324])
def test_a_speed_that_is_none_gives_no_cost(speed: float) -> None:
    assert cluster_cost.per_1k(ClusterSpec(nanos(1)), speed) is None


@pytest.mark.parametrize(
    ("sentence", "declared", "observed", "speed", "source"),
    [
        ("measured lately", 20.0, seen(50), 50.0, "measured"),
        ("too long ago", 20.0, seen(50, ago=601), 20.0, "declared"),
        ("an idle cluster measures nothing", 20.0, seen(0), 20.0, "declared"),
        ("nonsense", 20.0, seen(math.nan), 20.0, "declared"),
        ("never measured, nor declared", None, None, 10.0, "assumed"),
    ],
)
def test_its_speed_is_measured_else_declared_else_assumed(
    sentence: str, declared: float | None, observed: Any, speed: float, source: str
) -> None:
    found = cluster_cost.speed_of(ClusterSpec(1, 1.1, declared), Observation(tokens_per_second=observed), 1000.0)
    assert (found.tokens_per_second, found.source) == (speed, source), sentence


def test_its_reason_says_the_price_and_how_its_speed_is_known() -> None:
    decision = ranked("cost", cluster("lab", 0.0928), input_tokens=1200, max_output_tokens=300)
    assert why(decision, "lab") == (
        "cost: $0.00425 for 1200 tokens in and 300 out; $0.00284 for 1,000 tokens at 10 tokens a second (assumed)"
    )
    assert score(decision, "lab") == 4253333
    stale = {"lab": Observation(tokens_per_second=seen(99, ago=900))}
    assert "(assumed, as what was measured is stale)" in why(ranked("cost", cluster("lab", 1), seen=stale), "lab")


def test_waking_it_up_costs_its_time() -> None:
    sleeper, awake = cluster("sleeper", 0.36, wake_up=60.0), cluster("awake", 0.5)
    assert names(ranked("cost", awake, sleeper)) == ["sleeper", "awake"]
    decision = ranked("cost", awake, sleeper, seen={"sleeper": Observation(asleep=True)})
    assert names(decision) == ["awake", "sleeper"]
    assert "$0.006 of it to wake it up" in why(decision, "sleeper")
    assert names(ranked("cost", awake, cluster("sleeper", 0.36), seen={"sleeper": Observation(asleep=True)})) == [
        "sleeper",
        "awake",
    ]  # nobody said that it takes any time


# --- the cost of a request -------------------------------------------------------------------------------------------

READER = api("reader", 1, 10)  # cheap to read, dear to write
WRITER = api("writer", 4, 2)


@pytest.mark.parametrize(
    ("sentence", "asked", "outputs", "cheapest"),
    [
        ("a long prompt and a short answer", {"input_tokens": 9000, "max_output_tokens": 10}, {}, "reader"),
        ("a short prompt and a long answer", {"input_tokens": 10, "max_output_tokens": 9000}, {}, "writer"),
        ("without a cap an answer is a page", {"input_tokens": 10}, {}, "writer"),
        ("what was learned", {"input_tokens": 100}, {"reader": seen(1), "writer": seen(1)}, "reader"),
        (
            "is learned no more when it is stale",
            {"input_tokens": 100},
            {"reader": seen(1, ago=601), "writer": seen(1)},
            "writer",
        ),
        ("of the same model elsewhere, too", {"input_tokens": 100}, {"*": seen(1), "": seen(900)}, "reader"),
        ("else of all of the route", {"input_tokens": 100}, {"": seen(1)}, "reader"),
        ("and no more than the cap", {"input_tokens": 100, "max_output_tokens": 1}, {"reader": seen(999)}, "reader"),
        ("nonsense was not learned", {"input_tokens": 10}, {"reader": seen(math.nan)}, "writer"),
    ],
)
def test_cost_is_of_the_request_and_not_of_the_model(
    sentence: str, asked: dict[str, Any], outputs: dict[str, Any], cheapest: str
) -> None:
    assert names(ranked("cost", WRITER, READER, outputs=outputs, **asked))[0] == cheapest, sentence


def test_who_was_never_asked_is_not_dear_for_that() -> None:
    """Short answers known of one target only would keep the others, reckoned with a page, from ever being asked."""
    dear, cheap = api("dear", 5, 5), api("cheap", 1, 1)
    decision = ranked("cost", dear, cheap, input_tokens=10, outputs={name: seen(5) for name in ("dear", "*", "")})
    assert names(decision) == ["cheap", "dear"] and "and 5 out" in why(decision, "cheap")


def test_the_length_of_other_answers_says_nothing_of_what_is_no_text() -> None:
    vectors = api("vectors", 2, 100, endpoints=frozenset({"embeddings"}))
    decision = ranked(
        "cost", vectors, input_tokens=9, family="embeddings", endpoint="embeddings", outputs={"": seen(70)}
    )
    assert "and 0 out" in why(decision, "vectors")


def test_its_reason_says_dollars_and_tokens() -> None:
    decision = ranked("cost", READER, input_tokens=1000, outputs={"reader": seen(200, ago=700)}, max_output_tokens=180)
    assert why(decision, "reader") == (
        "cost: $0.0028 for 1000 tokens in and 180 out; what is known of its answers is stale"
    )
    assert (score(decision, "reader"), codes(decision)) == (2_800_000, ["lowest_cost"])


def test_a_model_writes_no_more_than_it_can() -> None:
    short, long = api("short", 1, 1, max_output=10), api("long", 1, 1)
    decision = ranked("cost", long, short, max_output_tokens=4000)
    assert names(decision) == ["short", "long"]
    assert "and 10 out" in why(decision, "short")


def test_what_is_no_text_is_not_written_in_tokens() -> None:
    vectors = api("vectors", 2, 100, endpoints=frozenset({"embeddings"}))
    decision = ranked("cost", vectors, input_tokens=1000, family="embeddings", endpoint="embeddings")
    assert why(decision, "vectors") == "cost: $0.002 for 1000 tokens in and 0 out"


def test_a_long_context_costs_what_its_tier_says() -> None:
    tiered = provider("tiered", Model("m", price=dollars_a_million(1, 1, above=200, long=dollars_a_million(9, 9))))
    flat = api("flat", 3, 3)
    assert names(ranked("cost", flat, tiered, input_tokens=200)) == ["tiered", "flat"]
    assert names(ranked("cost", flat, tiered, input_tokens=201)) == ["flat", "tiered"]


def test_the_cached_share_of_a_prompt_costs_what_cached_tokens_cost() -> None:
    cached = provider("cached", Model("m", price=dollars_a_million(4, 1, cached_input=nanos(0.4))))
    flat = api("flat", 2, 1)
    asked = {"input_tokens": 1000, "max_output_tokens": 1}
    assert names(ranked("cost", flat, cached, **asked)) == ["flat", "cached"]
    decision = ranked("cost", flat, cached, seen={"cached": Observation(cached_share=seen(0.8))}, **asked)
    assert names(decision) == ["cached", "flat"]
    assert "1000 tokens in, 800 of them cached, and 1 out" in why(decision, "cached")
    stale = ranked("cost", flat, cached, seen={"cached": Observation(cached_share=seen(0.8, ago=601))}, **asked)
    assert names(stale) == ["flat", "cached"]
    assert why(stale, "cached").endswith("what is known of its cache is stale")


# --- nobody knows its price ------------------------------------------------------------------------------------------

PRICED = api("priced", 500, 500)
UNPRICED = api("unpriced", None)


@pytest.mark.parametrize(
    ("unpriced", "order", "words"),
    [
        ("worst", ["priced", "unpriced"], "nobody knows its price, so it stands behind those with one"),
        ("allow", ["unpriced", "priced"], "nobody knows its price, so it counts as free"),
        ("deny", ["priced"], "nobody knows its price, and the strategy denies the unpriced"),
    ],
)
@pytest.mark.parametrize("kind", ["cost", "hybrid", "cluster_first", "external_first"])
def test_an_unpriced_model_is_denied_or_the_worst_or_free(
    kind: str, unpriced: Any, order: list[str], words: str
) -> None:
    decision = ranked(StrategySpec("s", kind, unpriced=unpriced), UNPRICED, PRICED)
    assert names(decision) == order
    assert why(decision, "unpriced") == f"s: {words}"


def test_when_all_are_denied_the_refusal_says_why() -> None:
    refusal = refusal_of(ranked(StrategySpec("s", "cost", unpriced="deny"), UNPRICED))
    assert refusal.reason is Reason.NO_TARGET_AVAILABLE
    assert refusal.message == (
        "no target of m is chosen: unpriced/m (s: nobody knows its price, and the strategy denies the unpriced)"
    )


def test_a_cluster_is_never_unpriced_and_the_unpriced_never_cheap() -> None:
    spec = StrategySpec("s", "cost", unpriced="deny")
    assert names(ranked(spec, UNPRICED, cluster("lab", 99))) == ["lab"]
    assert names(ranked("cost", UNPRICED, cluster("lab", 99))) == ["lab", "unpriced"]


# --- factors and ties ------------------------------------------------------------------------------------------------


def test_cost_optimized_of_the_document_prefers_by_its_multipliers() -> None:
    """openrouter 0.8, openai 1.0, anthropic 1.2, at the same prices."""
    weights = {"openrouter": 0.8, "openai": 1.0, "anthropic": 1.2}
    spec = StrategySpec("cost-optimized", "cost-optimized", weights=weights)
    decision = ranked(spec, api("anthropic", 1, 1), api("openai", 1, 1), api("openrouter", 1, 1), input_tokens=500)
    assert names(decision) == ["openrouter", "openai", "anthropic"]
    assert why(decision, "openrouter") == "cost-optimized: $0.001 for 500 tokens in and 500 out; counts 0.8 times"
    assert score(decision, "anthropic") == pytest.approx(1_200_000)


def test_a_targets_factor_goes_before_its_providers_and_0_is_never_chosen() -> None:
    spec = StrategySpec("s", "cost", weights={"a": 9.0, "a/m": 0.1, "b": 0.0, "c": math.nan})
    decision = ranked(spec, api("d", 1), api("a", 1), api("b", 1), api("c", 1), input_tokens=9)
    assert names(decision) == ["a", "d"]
    assert reasons(decision) == dict.fromkeys(("b/m", "c/m"), "s: weight 0 is never chosen")


def test_equals_stand_as_they_are_written_and_say_so() -> None:
    decision = ranked("least-cost", api("b", 1, 1), api("a", 1, 1), api("c", 1, 2))
    assert names(decision) == ["b", "a", "c"]
    assert why(decision, "b").endswith("; equal; earlier in the file")
    assert why(decision, "a").endswith("; equal; later in the file")
    assert "equal" not in why(decision, "c")


def test_who_takes_any_name_stands_behind_whoever_lists_it_however_cheap() -> None:
    anyone = provider("anyone", Model("other", price=dollars_a_million(0, 0)), lists_models=False)
    assert names(ranked("cost", anyone, api("dear", 99, 99))) == ["dear", "anyone"]


@pytest.mark.parametrize(
    "name", ["cost", "cost-optimized", "cost_optimized", "least_cost", "lowest-cost", "cost_first"]
)
def test_cost_has_these_names(name: str) -> None:
    assert names(ranked(name, api("dear", 9, 9), api("cheap", 1, 1))) == ["cheap", "dear"]


# --- clusters and APIs together --------------------------------------------------------------------------------------

CPU = cluster("aws-cpu", 0.0928)  # $0.00284 for 1,000 tokens at 10 a second
GPU = cluster("aws-gpu", 5.0, tokens_per_second=20.0)  # $0.0764
MINI = api("mini", 0.15, 0.6)
OPUS = api("opus", 15, 75)


@pytest.mark.parametrize(
    ("kind", "order", "reason"),
    [
        ("cost", ["mini", "aws-cpu", "opus", "aws-gpu"], "lowest_cost"),
        ("cost_first", ["mini", "aws-cpu", "opus", "aws-gpu"], "lowest_cost"),
        ("hybrid", ["aws-cpu", "mini", "opus", "aws-gpu"], "hybrid_cluster"),
        ("cluster_first", ["aws-cpu", "aws-gpu", "mini", "opus"], "cluster_first"),
        ("external_first", ["mini", "opus", "aws-cpu", "aws-gpu"], "external_first"),
    ],
)
def test_each_strategy_of_the_document_ranks_clusters_with_apis(kind: str, order: list[str], reason: str) -> None:
    decision = ranked(kind, OPUS, GPU, MINI, CPU, input_tokens=1000, max_output_tokens=100)
    assert names(decision) == order
    assert codes(decision)[0] == reason


def test_hybrid_goes_to_clusters_below_its_threshold_else_to_the_cheapest() -> None:
    asked = {"input_tokens": 1000, "max_output_tokens": 100}
    none_cheap = ranked(StrategySpec("s", "hybrid", cluster_cost_threshold=nanos(0.002)), OPUS, GPU, MINI, CPU, **asked)
    assert (names(none_cheap)[0], codes(none_cheap)[0]) == ("mini", "hybrid_cheapest")
    assert "$0.00284 for 1,000 tokens at 10 tokens a second (assumed), above $0.002" in why(none_cheap, "aws-cpu")
    gpu_too = ranked(StrategySpec("s", "hybrid", cluster_cost_threshold=nanos(0.08)), OPUS, GPU, MINI, CPU, **asked)
    assert names(gpu_too) == ["aws-cpu", "aws-gpu", "mini", "opus"]
    assert "within $0.08" in why(gpu_too, "aws-gpu")
    exactly = StrategySpec("s", "hybrid", cluster_cost_threshold=2_835_556)
    assert names(ranked(exactly, MINI, CPU, **asked)) == ["aws-cpu", "mini"]


def test_hybrid_follows_a_clusters_speed() -> None:
    """A cluster that slows down costs more for each token, until it is no longer below the threshold."""
    slow = {"aws-cpu": Observation(tokens_per_second=seen(2))}
    assert names(ranked("hybrid", MINI, CPU, seen=slow)) == ["mini", "aws-cpu"]


@pytest.mark.parametrize(
    ("kind", "alone", "reason"),
    [
        ("cluster_first", MINI, "external_fallback"),
        ("external_first", CPU, "cluster_fallback"),
        ("hybrid", MINI, "hybrid_cheapest"),
        ("hybrid", CPU, "hybrid_cluster"),
    ],
)
def test_whoever_is_alone_is_taken(kind: str, alone: Any, reason: str) -> None:
    decision = ranked(kind, alone)
    assert (names(decision), codes(decision)) == ([alone.name], [reason])


# --- gates -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "observed", "words"),
    [
        ("a long queue", Observation(queue_depth=seen(11)), "its queue of 11 is above 10"),
        ("a slow one", Observation(latency_p95=seen(5.2)), "its 95th percentile of 5.2 s is above 5 s"),
        (
            "both",
            Observation(queue_depth=seen(40), latency_p95=seen(9)),
            "its queue of 40 is above 10 and its 95th percentile of 9 s is above 5 s",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["cost", "hybrid", "cluster_first", "external_first", "latency"])
def test_a_busy_or_slow_cluster_is_a_last_resort(kind: str, sentence: str, observed: Observation, words: str) -> None:
    decision = ranked(kind, CPU, OPUS, UNPRICED, seen={"aws-cpu": observed})
    assert names(decision)[-1] == "aws-cpu", sentence
    assert f"{kind}: a last resort, {words}" in why(decision, "aws-cpu")
    assert codes(decision)[-1] == "last_resort"


@pytest.mark.parametrize(
    ("sentence", "observed", "stale"),
    [
        ("as many as may be", Observation(queue_depth=seen(10), latency_p95=seen(5)), ""),
        ("stale", Observation(queue_depth=seen(99, ago=601)), "what is known of its queue is stale"),
        ("stale", Observation(latency_p95=seen(99, ago=601)), "what is known of its 95th percentile is stale"),
        ("nonsense", Observation(queue_depth=seen(math.nan), latency_p95=seen(math.inf)), ""),
        ("nobody knows", Observation(), ""),
    ],
)
def test_what_is_unknown_or_within_passes_the_gates(sentence: str, observed: Observation, stale: str) -> None:
    decision = ranked("cluster_first", OPUS, CPU, seen={"aws-cpu": observed})
    assert names(decision) == ["aws-cpu", "opus"], sentence
    assert why(decision, "aws-cpu").endswith(stale)
    assert stale or "stale" not in why(decision, "aws-cpu")


def test_gates_are_the_strategys_own() -> None:
    """`maxLatencyMs: 2000`, `maxQueueDepth: 2` of the document's performance-optimized setup."""
    spec = StrategySpec("s", "cluster_first", max_latency=2.0, max_queue_depth=2)
    for observed in (Observation(latency_p95=seen(2.5)), Observation(queue_depth=seen(3))):
        assert names(ranked("cluster_first", OPUS, CPU, seen={"aws-cpu": observed})) == ["aws-cpu", "opus"]
        assert names(ranked(spec, OPUS, CPU, seen={"aws-cpu": observed})) == ["opus", "aws-cpu"]


def test_an_api_has_no_gates() -> None:
    busy = Observation(queue_depth=seen(99), latency_p95=seen(99))
    assert names(ranked("cost", OPUS, MINI, seen={"mini": busy})) == ["mini", "opus"]


def test_when_all_clusters_are_busy_the_cheapest_of_them_still_serves() -> None:
    busy = Observation(queue_depth=seen(99))
    assert names(ranked("hybrid", GPU, CPU, seen={"aws-cpu": busy, "aws-gpu": busy})) == ["aws-cpu", "aws-gpu"]
