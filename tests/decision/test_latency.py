"""`latency`: the seconds that a request will take, and what is done about those nobody measured."""

import math
from typing import Any

import pytest

from extproc.decision.plan import Observation
from extproc.snapshot import StrategySpec
from tests.decision.measured import api, cluster, codes, names, ranked, score, seen, why

A, B, C = api("a", 1), api("b", 1), api("c", 1)


def fast(first: float, each: float = 0.0, **keys: Any) -> Observation:
    return Observation(first_token={0: seen(first)}, per_token=seen(each), **keys)


# --- what was measured -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "cap", "order"),
    [
        ("a short answer comes first from who begins first", 10, ["b", "a"]),
        ("a long one from who writes fast", 1000, ["a", "b"]),
    ],
)
def test_the_answer_counts_as_well_as_its_beginning(sentence: str, cap: int, order: list[str]) -> None:
    observed = {"a": fast(0.9, 0.002), "b": fast(0.2, 0.01)}
    assert names(ranked("latency", A, B, seen=observed, max_output_tokens=cap)) == order, sentence


def test_its_reason_says_every_second() -> None:
    decision = ranked("latency", A, seen={"a": fast(0.9, 0.002)}, max_output_tokens=100)
    assert why(decision, "a") == "latency: 1.1 s expected: 0.9 s to the first token, 0.2 s for 100 tokens out"
    assert score(decision, "a") == pytest.approx(1.1)
    assert codes(decision) == ["lowest_latency"]


def test_answers_that_are_no_text_take_no_time_to_write() -> None:
    embeddings = [api(name, 1, endpoints=frozenset({"embeddings"})) for name in ("a", "b")]
    observed = {"a": fast(0.2, 9.0), "b": fast(0.3)}
    decision = ranked("latency", *embeddings, seen=observed, family="embeddings", endpoint="embeddings")
    assert names(decision) == ["a", "b"]
    assert why(decision, "a") == "latency: 0.2 s expected: 0.2 s to the first token"


@pytest.mark.parametrize(
    ("sentence", "tokens", "known", "words"),
    [
        ("its own size", 9000, {0: 0.1, 2: 0.5, 3: 0.9}, "0.5 s to the first token"),
        ("the nearest size", 9000, {0: 0.1, 3: 0.9}, "0.9 s to the first token of prompts of 32000 tokens and more"),
        ("the smaller of two as near", 1500, {0: 0.1, 2: 0.9}, "0.1 s to the first token of prompts below 1000 tokens"),
        ("a number that is none is not known", 10, {0: math.nan, 1: 0.4}, "0.4 s to the first token of prompts below"),
    ],
)
def test_first_tokens_are_of_prompts_as_long(sentence: str, tokens: int, known: dict[int, float], words: str) -> None:
    observed = Observation(first_token={size: seen(value) for size, value in known.items()}, per_token=seen(0))
    decision = ranked("latency", A, seen={"a": observed}, input_tokens=tokens)
    assert f"expected: {words}" in why(decision, "a"), sentence


def test_who_fails_every_second_time_counts_twice() -> None:
    observed = {"a": fast(0.5, errors=seen(0.5)), "b": fast(0.9), "c": fast(1.1)}
    decision = ranked("latency", A, B, C, seen=observed)
    assert names(decision) == ["b", "a", "c"]
    assert why(decision, "a").endswith("; 50 % of its attempts fail, so it counts 2 times")
    assert score(decision, "a") == pytest.approx(1.0)
    assert names(ranked("latency", A, B, seen={"a": fast(0.5, errors=seen(0.5, ago=601)), "b": fast(0.9)}))[0] == "a"


@pytest.mark.parametrize("errors", [1.0, 7.0])
def test_who_always_fails_still_has_a_score(errors: float) -> None:
    decision = ranked("latency", A, seen={"a": fast(0.5, errors=seen(errors))})
    assert score(decision, "a") == pytest.approx(50.0)
    assert "100 % of its attempts fail, so it counts 100 times" in why(decision, "a")


def test_a_sleeping_cluster_takes_as_long_as_waking_it_up() -> None:
    lab = cluster("lab", 1, wake_up=40.0)
    assert names(ranked("latency", A, lab, seen={"a": fast(0.9), "lab": fast(0.1)})) == ["lab", "a"]
    decision = ranked("latency", A, lab, seen={"a": fast(0.9), "lab": fast(0.1, asleep=True)})
    assert names(decision) == ["a", "lab"]
    assert "40 s to wake it up" in why(decision, "lab")


def test_an_unknown_speed_of_writing_is_not_guessed_and_said() -> None:
    decision = ranked("latency", A, seen={"a": Observation(first_token={0: seen(0.4)})})
    assert why(decision, "a") == ("latency: 0.4 s expected: 0.4 s to the first token, its speed of writing is unknown")


def test_whole_answers_are_measured_too() -> None:
    """Callers who never stream would else have every target unmeasured for ever, and the first in the file for good."""
    whole = {"a": Observation(per_token=seen(0.06)), "b": Observation(per_token=seen(0.004))}
    decision = ranked("latency", A, B, seen=whole, max_output_tokens=100)
    assert names(decision) == ["b", "a"] and codes(decision) == ["lowest_latency"] * 2
    assert why(decision, "b") == ("latency: 0.4 s expected: nothing apart to the first token, 0.4 s for 100 tokens out")
    assert names(ranked("latency", A, B, C, seen=whole))[0] == "c", "the unmeasured is still tried first"


# --- what nobody measured --------------------------------------------------------------------------------------------


def test_the_unmeasured_is_tried_first() -> None:
    decision = ranked("latency", A, B, seen={"a": fast(0.01)})
    assert names(decision) == ["b", "a"]
    assert why(decision, "b") == "latency: nobody measured it, so it is tried first"
    assert codes(decision) == ["unmeasured", "lowest_latency"]


def test_the_stale_is_unmeasured_and_says_so() -> None:
    stale = Observation(first_token={0: seen(0.01, ago=601)}, per_token=seen(0.01, ago=601))
    decision = ranked("latency", A, B, seen={"a": fast(0.5), "b": stale})
    assert names(decision) == ["b", "a"]
    assert why(decision, "b") == "latency: what was measured of it is stale, so it is tried first"


def test_one_request_in_fifty_looks_again_at_who_was_not_asked_lately() -> None:
    """It may be well again: nobody else would notice before its measures are stale."""
    old = {"first_token": {0: seen(9.0, ago=40)}, "per_token": seen(0.0, ago=40)}
    observed = {"a": fast(0.5), "b": Observation(**old)}
    decision = ranked("latency", A, B, seen=observed, draw=0.01)
    assert names(decision) == ["b", "a"] and codes(decision) == ["unmeasured", "lowest_latency"]
    assert why(decision, "b").startswith("latency: measured 40 s ago, so one request looks again; 9 s expected")
    assert names(ranked("latency", A, B, seen=observed, draw=0.02)) == ["a", "b"]


@pytest.mark.parametrize(
    ("sentence", "known"),
    [
        ("it was measured just now", {"per_token": seen(0.0, ago=29)}),
        ("it failed just now", {"errors": seen(0.1)}),
        ("another one looks already", {"in_flight": 1}),
        ("it mostly fails", {"errors": seen(0.5, ago=40)}),
        ("it would have to be woken", {"asleep": True}),
    ],
)
def test_nobody_looks_again_where(sentence: str, known: dict[str, Any]) -> None:
    observed = {"a": fast(0.5), "b": Observation(**{"first_token": {0: seen(9.0, ago=40)}, **known})}
    assert names(ranked("latency", A, B, seen=observed, draw=0.0)) == ["a", "b"], sentence


def test_the_unmeasured_is_tried_by_one_request_at_a_time() -> None:
    decision = ranked("latency", A, B, seen={"a": fast(3.0), "b": Observation(in_flight=1)})
    assert names(decision) == ["a", "b"]
    assert why(decision, "b") == "latency: nobody measured it, and 1 in flight will tell"


def test_where_nobody_is_measured_the_requests_spread() -> None:
    flying = {"a": Observation(in_flight=2), "b": Observation(in_flight=1)}
    assert names(ranked("latency", A, B, C, seen=flying)) == ["c", "b", "a"]
    assert names(ranked("latency", A, B, C)) == ["a", "b", "c"]


def test_a_sleeping_cluster_is_not_woken_to_be_measured() -> None:
    """What sleeps was not asked for long, so what was measured of it is always stale."""
    lab = cluster("lab", 1, wake_up=40.0)
    decision = ranked("latency", lab, A, seen={"a": fast(3.0), "lab": Observation(asleep=True)})
    assert names(decision) == ["a", "lab"]
    assert why(decision, "lab") == "latency: nobody measured it, and it sleeps"


def test_who_was_only_seen_to_fail_is_not_tried_first() -> None:
    decision = ranked("latency", A, B, seen={"a": Observation(errors=seen(1.0)), "b": fast(3.0)})
    assert names(decision) == ["b", "a"]
    assert why(decision, "a") == "latency: nobody measured it, and 100 % of its attempts fail"
    assert names(ranked("latency", A, B, seen={"a": Observation(errors=seen(1.0, ago=601)), "b": fast(3.0)}))[0] == "a"


def test_of_the_unmeasured_who_is_fast_by_its_name_goes_first() -> None:
    by_name = [api(name, 1, model=name) for name in ("claude-opus-4", "claude-sonnet-4", "claude-3-haiku")]
    decision = ranked("latency", *by_name, model=None)
    assert names(decision) == ["claude-3-haiku", "claude-sonnet-4", "claude-opus-4"]
    assert why(decision, "claude-3-haiku").endswith("so it is tried first; by its name it is fast")
    flying = {"claude-3-haiku/claude-3-haiku": Observation(in_flight=1)}
    assert names(ranked("latency", *by_name, model=None, seen=flying))[0] == "claude-sonnet-4"


# --- names and weights -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["latency", "performance-optimized", "performance_based", "fast", "lowest-latency", "latency_first"],
)
def test_latency_has_these_names(name: str) -> None:
    assert names(ranked(name, A, B, seen={"a": fast(2), "b": fast(1)})) == ["b", "a"]


def test_performance_optimized_of_the_document_weighs_latencies() -> None:
    """openai 0.3, anthropic 0.4, openrouter 0.8."""
    weights = {"openai": 0.3, "anthropic": 0.4, "openrouter": 0.8}
    spec = StrategySpec("performance-optimized", "latency", weights=weights)
    observed = {"openai": fast(0.9), "anthropic": fast(0.7), "openrouter": fast(0.3)}
    decision = ranked(spec, api("openrouter", 1), api("anthropic", 1), api("openai", 1), seen=observed)
    assert names(decision) == ["openrouter", "openai", "anthropic"]
    assert [score(decision, name) for name in weights] == pytest.approx([0.27, 0.28, 0.24])
    assert why(decision, "openai").endswith("; counts 0.3 times")
