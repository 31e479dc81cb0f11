"""`decide` beside the oracle, which was written from the documents: who stands first, and how all others follow."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.decision.plan import Decision, Plan
from extproc.refusal import Refusal
from extproc.snapshot import Rule, StrategySpec
from tests.decision.oracle import STANDINGS, Pool, Standing, World, good, standings
from tests.decision.samples import reasons
from tests.decision.worlds import NAMES, asked, spec_of, worlds

KINDS = sorted(STANDINGS)
NEARLY = Fraction(1, 10**9)


def order_of(decision: Decision) -> list[str]:
    return [step.target.provider for step in decision.outcome.steps] if isinstance(decision.outcome, Plan) else []


def not_worse(one: Standing, other: Standing, slack: Fraction) -> bool:
    """Whether the first may stand before the second; a nano-dollar is rounded, and a float too."""
    assert one is not None and other is not None
    return one[0] < other[0] or (one[0] == other[0] and one[1] <= other[1] + slack + abs(other[1]) * NEARLY)


def slack_of(kind: str, world: World) -> Fraction:
    by_cost = kind in ("cost", "hybrid", "cluster_first", "external_first")
    return Fraction(max((1.0, *world.weights.values()))) * 2 if by_cost else Fraction(0)


def told_as_decided(decision: Decision, plan: Plan, kind: str, world: World) -> None:
    """Scores are told in the order that they made, and reasons name the numbers that the scores came from."""
    runs: dict[str, list[float]] = {}
    for step, one in zip(plan.steps, (one for one in decision.candidates if one.kept), strict=True):
        assert step.target == one.target and step.reason in one.reason
        if one.score is not None:
            runs.setdefault(step.code, []).append(one.score)
            named = NAMED.get(kind, lambda reason: None)(one.reason)
            weight = world.weights.get(one.target.provider, 1.0) if kind in WEIGHING else 1.0
            assert named is None or one.score == pytest.approx(
                named * weight, rel=0.006, abs=1.0 if named > 1e3 else 1e-9
            )
    runs.pop("last_resort", None)  # the priced and the unpriced of these share one word
    assert all(scores == sorted(scores) for scores in runs.values())


def _number(pattern: str, times: float = 1.0) -> Callable[[str], float | None]:
    def named(reason: str) -> float | None:
        found = re.search(pattern, reason)
        return float(found[1]) * times if found else None

    return named


WEIGHING = frozenset({"cost", "hybrid", "cluster_first", "external_first", "latency"})
NAMED = {
    **dict.fromkeys(("cost", "hybrid", "cluster_first", "external_first"), _number(r"\$([\d.]+) for", 1e9)),
    "latency": _number(r"([\d.]+) s expected"),
    "round_robin": _number(r"in plan (\d+)"),
    "long_context": _number(r"of (\d+) tokens", -1.0),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100)
@given(world=worlds())
def test_the_order_is_the_documents(kind: str, world: World) -> None:
    decision = asked(world, spec_of(kind, world))
    expected = standings(kind, world)
    order = order_of(decision)
    assert set(order) == {name for name, one in expected.items() if one is not None}
    assert isinstance(decision.outcome, Refusal) == (not order)
    slack = slack_of(kind, world)
    for before, behind in pairwise(order):
        assert not_worse(expected[before], expected[behind], slack), (before, behind, reasons(decision))
    if isinstance(decision.outcome, Plan):
        told_as_decided(decision, decision.outcome, kind, world)


@settings(max_examples=150)
@given(
    worlds(weights=False), st.sampled_from(("cost", "latency", "least_connections")), st.sampled_from(KINDS), st.data()
)
def test_among_leaves_only_what_is_about_as_good(world: World, outer: str, inner: str, data: st.DataObject) -> None:
    within = data.draw(st.none() | st.sampled_from((1.0, 1.3, 4.0)))
    spec = spec_of(outer, world, among=spec_of(inner, world, name="inner", within=within))
    order = order_of(asked(world, spec))
    measured = standings(inner, world)
    left = good(inner, world, within)
    slack = slack_of(inner, world)
    numbers = [one[1] for name, one in measured.items() if one is not None and name in left]
    edge = max(numbers, default=Fraction(0))
    beside = {name for name, one in measured.items() if one and abs(one[1] - edge) <= slack + abs(edge) * NEARLY}
    outside = {name for name in measured if name not in left}
    if beside & outside:
        return  # somebody stands on the edge, where rounding decides
    own = {name: one for name, one in standings(outer, world).items() if one is not None and name in left}
    assert set(order[: len(own)]) == set(own)
    for before, behind in pairwise(order[: len(own)]):
        assert not_worse(own[before], own[behind], slack_of(outer, world))


@settings(max_examples=100)
@given(worlds(weights=False), st.sampled_from(KINDS), st.integers(0, 2000), st.permutations(NAMES))
def test_the_first_rule_that_holds_puts_its_provider_first(
    world: World, kind: str, limit: int, wanted: list[str]
) -> None:
    rules = (Rule(f"tokens > {limit}", wanted[0]), Rule("stream", wanted[1]), Rule("tokens >= 0", wanted[2]))
    plain = order_of(asked(world, spec_of(kind, world)))
    ruled = order_of(asked(world, spec_of(kind, world, rules=rules)))
    holding = [wanted[0]] * (world.tokens > limit) + [wanted[2]]
    first = [next((name for name in holding if name in plain), "")]
    assert ruled == [name for name in first if name] + [name for name in plain if name not in first]


# --- by lot, and to stay ---------------------------------------------------------------------------------------------


def simple(*names: str, **weights: float) -> World:
    return World(tuple(map(Pool, names)), tokens=10, cap=None, weights=weights)


@settings(max_examples=30)
@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from((0.0, 0.25, 1.0, 2.0)), min_size=1))
def test_first_places_are_drawn_by_weight_and_whoever_has_none_is_a_last_resort(weights: dict[str, float]) -> None:
    world, draws = simple(*NAMES, **weights), 200
    orders = [order_of(asked(world, spec_of("weighted", world), (n + 0.5) / draws)) for n in range(draws)]
    assert all(set(order) == set(NAMES) - {name for name, one in weights.items() if one == 0} for order in orders)
    total = sum(weights.values())
    firsts = Counter(order[0] for order in orders if order)
    for name, weight in weights.items():
        assert abs(firsts[name] / draws - (weight / total if total else 0)) <= 0.01
    named = {name for name, one in weights.items() if one}
    assert all(set(order[: len(named)]) == named for order in orders)


@settings(max_examples=60)
@given(
    st.permutations(NAMES),
    st.permutations(NAMES),
    st.text(min_size=1, max_size=9),
    st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)),
)
def test_who_sticks_stays_whatever_the_draw_the_file_and_whoever_else_goes(
    names: list[str], other: list[str], session: str, draws: tuple[float, float]
) -> None:
    spec = StrategySpec("mine", "sticky")
    order = order_of(asked(simple(*names), spec, draws[0], session=session, user="somebody"))
    assert order_of(asked(simple(*other), spec, draws[1], session=session, prefix="p")) == order
    for gone in NAMES:
        left = simple(*(name for name in other if name != gone))
        assert order_of(asked(left, spec, session=session)) == [name for name in order if name != gone]


def test_sessions_are_shared_by_weight() -> None:
    world = simple(*NAMES, alpha=3.0, beta=1.0, gamma=0.0)
    spec = spec_of("sticky", world)
    firsts = Counter(order_of(asked(world, spec, session=f"s{n}"))[0] for n in range(1200))
    assert set(firsts) == {"alpha", "beta"} and abs(firsts["alpha"] / 1200 - 0.75) < 0.04


@settings(max_examples=60)
@given(worlds(weights=False), st.lists(st.floats(0, 0.99), min_size=4, max_size=4))
def test_round_robin_comes_to_everybody_before_anybody_twice(world: World, draws: list[float]) -> None:
    number, firsts = 100, []
    for draw in draws[: len(world.pools)]:
        firsts.append(order_of(asked(world, spec_of("round_robin", world), draw))[0])
        number += 1
        pools = tuple(replace(pool, turn=number) if pool.name == firsts[-1] else pool for pool in world.pools)
        world = replace(world, pools=pools)
    assert sorted(firsts) == sorted(pool.name for pool in world.pools)
