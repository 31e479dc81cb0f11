"""Strategies out of strategies: `among`, `within`, `ties`, and `blend`."""

import math
from dataclasses import replace
from typing import Any

import pytest

from extproc.decision.plan import Observation
from extproc.snapshot import StrategySpec, Target
from tests.decision.measured import api, cluster, codes, dollars_a_million, names, ranked, score, seen, why
from tests.decision.samples import Model, provider, reasons

A, B, C, D = api("a", 1, 1), api("b", 2, 2), api("c", 3, 3), api("d", 4, 4)
DEAR_TO_CHEAP = (D, C, B, A)


def fast(first: float, **keys: Any) -> Observation:
    return Observation(first_token={0: seen(first)}, per_token=seen(0.0), **keys)


def spec(kind: str, among: StrategySpec | None = None, **keys: Any) -> StrategySpec:
    return StrategySpec(kind, kind, among=among, **keys)


# --- among -----------------------------------------------------------------------------------------------------------

SECONDS = {"a": fast(2.0), "b": fast(1.25), "c": fast(1.0), "d": fast(1.5)}


@pytest.mark.parametrize(
    ("within", "order"),
    [
        (None, ["c", "b", "d", "a"]),  # only what is equal, which is c alone; the rest by latency
        (1.0, ["c", "b", "d", "a"]),
        (1.25, ["b", "c", "d", "a"]),
        (1.6, ["b", "c", "d", "a"]),
        (2.0, ["a", "b", "c", "d"]),
        (0.1, ["c", "b", "d", "a"]),  # nobody is better than the best
        (math.inf, ["a", "b", "c", "d"]),
    ],
)
def test_the_cheapest_among_the_fastest(within: float | None, order: list[str]) -> None:
    found = spec("cost", spec("latency", within=within))
    assert names(ranked(found, *DEAR_TO_CHEAP, seen=SECONDS)) == order


def test_reasons_say_both_measures_and_who_is_behind() -> None:
    decision = ranked(spec("cost", spec("latency", within=1.3)), *DEAR_TO_CHEAP, seen=SECONDS, input_tokens=500)
    assert why(decision, "b") == (
        "cost: $0.002 for 500 tokens in and 500 out; among: latency: 1.25 s expected: 1.25 s to the first token, "
        "0 s for 500 tokens out"
    )
    assert why(decision, "d").startswith("cost: behind those within 1.3 of the best; latency: 1.5 s expected")
    equal = ranked(spec("cost", spec("latency")), *DEAR_TO_CHEAP, seen=SECONDS)
    assert why(equal, "b").startswith("cost: behind those as good as the best; latency: 1.25 s")
    assert codes(decision) == ["lowest_cost", "lowest_cost", "lowest_latency", "lowest_latency"]


def test_the_unmeasured_counts_as_good_and_the_herd_does_not() -> None:
    found = spec("cost", spec("latency", within=1.3))
    unmeasured = {name: one for name, one in SECONDS.items() if name != "a"}
    assert names(ranked(found, *DEAR_TO_CHEAP, seen=unmeasured)) == ["a", "b", "c", "d"]
    assert names(ranked(found, *DEAR_TO_CHEAP, seen={**unmeasured, "a": Observation(in_flight=1)})) == [*"bcda"]


def test_where_nobody_is_known_all_are_as_good() -> None:
    found = spec("cost", spec("latency", within=1.3))
    assert names(ranked(found, *DEAR_TO_CHEAP)) == [*"abcd"]
    flying = {name: Observation(in_flight=1) for name in "abcd"}
    assert names(ranked(found, *DEAR_TO_CHEAP, seen=flying)) == [*"abcd"]
    unpriced = [api(name, None) for name in "ab"]
    assert names(ranked(spec("latency", spec("cost")), *unpriced, seen={"a": fast(2), "b": fast(1)})) == ["b", "a"]


def test_the_unpriced_is_not_as_good_as_the_cheapest() -> None:
    found = spec("latency", spec("cost", within=9.0))
    seconds = {"a": fast(5), "x": fast(0.1)}
    assert names(ranked(found, api("x", None), A, seen=seconds)) == ["a", "x"]


def test_a_worse_band_or_any_name_is_never_as_good() -> None:
    found = spec("least_connections", spec("cost", within=1000.0))
    busy = {"lab": Observation(queue_depth=seen(99)), "a": Observation(in_flight=7)}
    assert names(ranked(found, cluster("lab", 0.001), A, seen=busy)) == ["a", "lab"]
    anyone = provider("any", Model("other", price=dollars_a_million(0, 0)), lists_models=False)
    assert names(ranked(found, anyone, A, seen=busy)) == ["a", "any"]


def test_whom_among_denies_is_not_chosen() -> None:
    decision = ranked(spec("latency", spec("cost", unpriced="deny", within=9.0)), api("x", None), A, B)
    assert names(decision) == ["a", "b"]
    assert reasons(decision)["x/m"].startswith("cost: nobody knows its price")


def test_whatever_is_free_is_only_as_good_as_what_is_free() -> None:
    found = spec("latency", spec("cost", within=5.0))
    seconds = {"free": fast(9), "a": fast(0.1), "also": fast(8)}
    assert names(ranked(found, api("free", 0), A, api("also", 0), seen=seconds, input_tokens=9)) == [
        "also",
        "free",
        "a",
    ]


def test_among_nests() -> None:
    """The least loaded among the fast among the cheap; who is too dear never comes back because it is fast."""
    cheap = spec("cost", within=3.0)
    found = spec("least_connections", spec("latency", cheap, within=1.3))
    observed = {
        "a": fast(1.0, in_flight=5),
        "b": fast(1.2, in_flight=2),
        "c": fast(3.0, in_flight=0),
        "d": fast(0.1, in_flight=0),
    }
    decision = ranked(found, *DEAR_TO_CHEAP, seen=observed)
    assert names(decision) == ["b", "a", "c", "d"]
    assert why(decision, "c").startswith("least_connections: behind those within 1.3 of the best; latency: 3 s")
    assert why(decision, "d").startswith("latency: behind those within 3 of the best; cost: ")


def test_weighted_and_ordered_may_stand_around_among() -> None:
    order = spec("ordered", spec("latency", within=1.6))
    assert names(ranked(order, *DEAR_TO_CHEAP, seen=SECONDS)) == ["d", "c", "b", "a"]
    assert why(ranked(order, *DEAR_TO_CHEAP, seen=SECONDS), "d").startswith("ordered: first of 3 that serve m; among: ")
    weighted = spec("weighted", spec("latency", within=1.3), weights={"a": 98.0, "b": 1.0, "c": 1.0})
    firsts = [names(ranked(weighted, *DEAR_TO_CHEAP, seen=SECONDS, draw=n / 40))[0] for n in range(40)]
    assert (firsts.count("b"), firsts.count("c")) == (20, 20)


def test_among_may_be_a_blend() -> None:
    found = spec("ordered", spec("blend", scores={"cost": 1.0}, within=2.0))
    assert names(ranked(found, *DEAR_TO_CHEAP)) == ["b", "a", "c", "d"]


def test_among_keeps_to_the_strategys_targets() -> None:
    found = replace(spec("cost", spec("latency", within=9.0)), targets=(Target("c", "m"), Target("b", "m")))
    assert names(ranked(found, *DEAR_TO_CHEAP, seen=SECONDS)) == ["b", "c"]


# --- ties ------------------------------------------------------------------------------------------------------------

X, Y, Z = api("x", 1, 1), api("y", 1, 1), api("z", 9, 9)


def test_equals_are_ordered_by_ties_and_say_so() -> None:
    turns = {"x": Observation(turn=4), "y": Observation(turn=3), "z": Observation(turn=1)}
    decision = ranked(spec("cost", ties="round-robin"), X, Y, Z, seen=turns)
    assert names(decision) == ["y", "x", "z"]
    assert why(decision, "y").endswith("; equal; round_robin: first in plan 3 for the last time")
    assert "equal" not in why(decision, "z")
    assert score(decision, "y") == score(decision, "x")


def test_what_ties_finds_equal_stands_as_it_is_written() -> None:
    decision = ranked(spec("cost", ties="least_connections"), Y, X)
    assert names(decision) == ["y", "x"]
    assert why(decision, "y").endswith("; equal; least_connections: 0 in flight; equal; earlier in the file")


def test_ties_by_lot_do_not_inherit_factors() -> None:
    found = spec("cost", ties="weighted", weights={"x": 1.0, "y": 1.0, "z": 5.0})
    firsts = [names(ranked(found, X, Y, Z, draw=n / 40))[0] for n in range(40)]
    assert (firsts.count("x"), firsts.count("y")) == (20, 20)


def test_ties_drop_nobody() -> None:
    found = spec("least_connections", ties="cost", unpriced="deny")
    decision = ranked(found, api("unknown", None), X)
    assert names(decision) == ["x", "unknown"]
    assert why(decision, "unknown").endswith(
        "; equal; cost: nobody knows its price, so it stands behind those with one"
    )


def test_ties_order_the_unmeasured_and_those_behind_weights() -> None:
    turns = {"x": Observation(turn=4), "y": Observation(turn=3)}
    assert names(ranked(spec("latency", ties="round_robin"), X, Y, seen=turns)) == ["y", "x"]
    found = spec("weighted", ties="round_robin", weights={"z": 1.0})
    assert names(ranked(found, X, Y, Z, seen=turns)) == ["z", "y", "x"]
    assert names(ranked(spec("ordered", ties="round_robin"), X, Y, Z, seen=turns)) == ["x", "y", "z"]


def test_a_glob_is_no_later_in_the_file_but_no_name_either() -> None:
    price = dollars_a_million(1, 1)
    decision = ranked("cost", provider("glob", Model("m*", price=price)), provider("name", Model("m", price=price)))
    assert names(decision) == ["name", "glob"]
    assert why(decision, "name").endswith("; equal; listed by its name")
    assert why(decision, "glob").endswith("; equal; not listed by its name")


# --- blend -----------------------------------------------------------------------------------------------------------


def test_a_blend_is_the_weighted_mean_of_how_much_worse_than_the_best() -> None:
    found = spec("blend", scores={"cost": 3.0, "lowest-latency": 1.0})
    decision = ranked(found, A, C, seen={"a": fast(4.0), "c": fast(1.0)}, input_tokens=500)
    assert (score(decision, "a"), score(decision, "c")) == (pytest.approx(1.75), pytest.approx(2.5))
    assert why(decision, "a").startswith(
        "blend: 1.75 times the best: 75 % cost 1 ($0.001 for 500 tokens in and 500 out)"
    )
    assert "; 25 % latency 4 (4 s expected" in why(decision, "a")
    assert codes(decision) == ["blend", "blend"]
    other = replace(found, scores={"cost": 1.0, "latency": 3.0})
    assert names(ranked(other, A, C, seen={"a": fast(4.0), "c": fast(1.0)})) == ["c", "a"]


def test_an_unknown_part_counts_as_the_best() -> None:
    found = spec("blend", scores={"cost": 1.0, "latency": 1.0})
    decision = ranked(found, A, C, seen={"a": fast(9.0)})
    assert (score(decision, "a"), score(decision, "c")) == (pytest.approx(1.0), pytest.approx((3 + 1) / 2))
    assert "50 % latency unknown (nobody measured it" in why(decision, "c")


def test_an_unknown_that_stands_behind_does_so_in_a_blend() -> None:
    found = spec("blend", scores={"cost": 1.0, "latency": 1.0})
    assert names(ranked(found, A, C, seen={"a": Observation(in_flight=3), "c": fast(9.0)})) == ["c", "a"]
    assert names(ranked(found, api("x", None), D, seen={"x": fast(0.1), "d": fast(9.0)})) == ["d", "x"]


def test_the_worst_band_wins() -> None:
    found = spec("blend", scores={"least_connections": 99.0, "cost": 1.0})
    busy = {"lab": Observation(queue_depth=seen(99)), "a": Observation(in_flight=7)}
    decision = ranked(found, cluster("lab", 0.001), A, seen=busy)
    assert names(decision) == ["a", "lab"]
    assert "a last resort, its queue of 99 is above 10" in why(decision, "lab")


def test_whom_one_part_does_not_choose_the_blend_does_not() -> None:
    found = spec("blend", scores={"least_connections": 99.0, "cost": 1.0}, unpriced="deny")
    decision = ranked(found, api("x", None), A)
    assert names(decision) == ["a"]
    assert "denies the unpriced" in reasons(decision)["x/m"]


def test_weights_count_once_on_the_whole() -> None:
    found = spec("blend", scores={"cost": 1.0, "least_connections": 1.0}, weights={"a": 4.0, "b": 0.0})
    decision = ranked(found, A, B, C, input_tokens=9)
    assert names(decision) == ["c", "a"]
    assert (score(decision, "a"), score(decision, "c")) == (pytest.approx(2.0), pytest.approx(1.5))
    assert why(decision, "a").endswith("; counts 4 times")


def test_what_is_free_is_best_and_the_others_are_beside_the_cheapest_of_them() -> None:
    decision = ranked(spec("blend", scores={"cost": 1.0}), api("free", 0), A, B, input_tokens=9)
    assert [score(decision, name) for name in ("free", "a", "b")] == pytest.approx([0.0, 1.0, 2.0])


def test_an_unknown_part_counts_as_the_best_also_where_that_is_free() -> None:
    found = spec("blend", scores={"cost": 1.0, "latency": 1.0})
    assert score(ranked(found, A, B, seen={"a": fast(0.0), "b": fast(2.0)}), "a") == pytest.approx(0.5)
    observed = {"a": fast(0.0), "b": Observation()}
    decision = ranked(found, api("a", 1, 1), api("b", 1, 1), seen=observed)
    assert score(decision, "a") == score(decision, "b")


@pytest.mark.parametrize("scores", [{}, {"cost": 0.0}, {"telepathy": 1.0}, {"cost": math.nan}, {"ordered": 1.0}])
def test_a_blend_of_nothing_leaves_all_as_they_are_written(scores: dict[str, float]) -> None:
    assert names(ranked(spec("blend", scores=scores), D, A)) == ["d", "a"]


def test_huge_weights_are_weights_too() -> None:
    found = spec("blend", scores={"cost": 1.7e308, "latency": 1.7e308})
    assert score(ranked(found, A, seen={"a": fast(1.0)}), "a") == pytest.approx(1.0)
