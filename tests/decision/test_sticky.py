"""Sticky: one key, one target; how evenly keys spread, and how few move when a target comes or goes."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.decision.contender import NAMED, Contender
from extproc.decision.plan import Observations
from extproc.decision.strategies import KINDS
from extproc.decision.strategies.contract import Circumstances
from extproc.facts.request import CallerFacts, Facts
from extproc.snapshot import StrategySpec
from tests.decision.samples import NOW, decided, plan_of, provider, reasons, shut, snapshot, target

KEYS = 10_000
NAMES = ("a/m", "b/m", "c/m", "d/m")


def contender(name: str, position: int = 0) -> Contender:
    where = target(name)
    return Contender(where, provider(where.provider, where.model), None, NAMED, position)


def order(names: Sequence[str], facts: Facts, draw: float = 0.5, **settings: Any) -> list[str]:
    spec = StrategySpec("keep", "sticky", **settings)
    around = Circumstances(facts, spec, snapshot(), Observations(), NOW, draw)
    ranked = KINDS["sticky"].rank([contender(name, place) for place, name in enumerate(names)], around)
    return [str(one.contender.target) for one in ranked if one.chosen]


def session(number: int) -> Facts:
    return Facts("r", "chat", "chat", session=f"{number:016x}")


def firsts(names: Sequence[str], **settings: Any) -> list[str]:
    return [order(names, session(number), **settings)[0] for number in range(KEYS)]


def test_keys_spread_evenly() -> None:
    counted = Counter(firsts(NAMES))
    assert all(count / KEYS == pytest.approx(0.25, abs=0.02) for count in counted.values()), counted


def test_a_weight_is_a_share() -> None:
    counted = Counter(firsts(NAMES[:3], weights={"a": 1.0, "b": 1.0, "c/m": 2.0}))
    assert counted["c/m"] / KEYS == pytest.approx(0.5, abs=0.02)
    assert counted["a/m"] / KEYS == pytest.approx(0.25, abs=0.02)


def test_a_target_that_goes_moves_only_its_own_keys_and_evenly_onto_all_others() -> None:
    before, after = firsts(NAMES), firsts(NAMES[:3])
    moved = Counter(new for old, new in zip(before, after, strict=True) if old == "d/m")
    assert all(old == new for old, new in zip(before, after, strict=True) if old != "d/m")
    assert all(count / moved.total() == pytest.approx(1 / 3, abs=0.04) for count in moved.values())
    assert len(moved) == 3


def test_a_target_that_comes_takes_its_share_and_nothing_else_moves() -> None:
    before, after = firsts(NAMES), firsts((*NAMES, "e/m"))
    assert {new for old, new in zip(before, after, strict=True) if old != new} == {"e/m"}
    assert after.count("e/m") / KEYS == pytest.approx(0.2, abs=0.02)


def test_a_weight_that_grows_only_draws_keys_to_it() -> None:
    light, heavy = (firsts(NAMES, weights={**dict.fromkeys(NAMES, 1.0), "a/m": weight}) for weight in (1.0, 3.0))
    assert {new for old, new in zip(light, heavy, strict=True) if old != new} == {"a/m"}


def test_placement_is_the_same_on_every_machine_and_after_every_restart() -> None:
    assert [order(NAMES, session(number))[0] for number in range(8)] == PINNED


PINNED = ["a/m", "b/m", "b/m", "d/m", "a/m", "b/m", "b/m", "a/m"]


@given(st.permutations(NAMES), st.integers(0, 2**64 - 1), st.floats(0, 1, exclude_max=True))
def test_neither_the_order_of_the_file_nor_the_dice_matter(names: list[str], number: int, draw: float) -> None:
    assert order(names, session(number), draw) == order(NAMES, session(number))


@settings(max_examples=50)
@given(st.sets(st.sampled_from(NAMES), min_size=1), st.integers(0, 10**6))
def test_failover_sticks_too(left: set[str], number: int) -> None:
    """Whoever is out, the others keep their order."""
    whole = order(NAMES, session(number))
    assert order(sorted(left), session(number)) == [name for name in whole if name in left]


# --- what is stuck by ------------------------------------------------------------------------------------------------

WHOLE = Facts("r", "chat", "chat", session="s1", user="u1", prefix="p1", caller=CallerFacts("ci"))


@pytest.mark.parametrize(
    ("by", "differs", "sticks"),
    [
        (("session", "user", "prompt"), {"user": "u2", "prefix": "p2"}, True),
        (("session", "user", "prompt"), {"session": "s2"}, False),
        (("user",), {"session": "s2", "prefix": "p2"}, True),
        (("caller",), {"session": "s2", "user": "u2", "prefix": "p2"}, True),
        (("prompt", "session"), {"session": "s2"}, True),
        (("prompt",), {"prefix": "p2"}, False),
    ],
)
def test_the_first_that_the_request_has_is_the_key(by: Any, differs: dict[str, str], sticks: bool) -> None:
    kept = {name: getattr(WHOLE, name) for name in ("session", "user", "prefix", "caller")} | differs
    many = [f"{letter}/m" for letter in "abcdefghijklmnopqrstuvwxyz"]
    other = Facts("r", "chat", "chat", **kept)
    assert (order(many, WHOLE, sticky_by=by) == order(many, other, sticky_by=by)) is sticks


def test_a_request_that_has_none_is_drawn() -> None:
    bare = Facts("r", "chat", "chat")
    counted = Counter(order(NAMES, bare, draw=number / 4000)[0] for number in range(4000))
    assert all(count / 4000 == pytest.approx(0.25, abs=0.03) for count in counted.values())
    assert order(NAMES, bare, 0.3) == order(NAMES, bare, 0.3)


CONFIG = snapshot(
    *(provider(name, "m") for name in "abcd"),
    provider("any"),
    strategies=[StrategySpec("keep", "sticky", weights={"a": 1.0, "b": 1.0, "d": 0.0})],
    strategy="keep",
    max_attempts=9,
)


def test_the_plan_says_why_and_who_has_no_weight_stands_behind() -> None:
    decision = decided(CONFIG, "m", session="s")
    plan = plan_of(decision)
    assert set(plan[:2]) == {"a/m", "b/m"} and plan[2:] == ["c/m", "any/m"]
    assert decision.outcome.reason == "keep: where its session goes"  # type: ignore[union-attr]
    assert reasons(decision) == {"d/m": "keep: weight 0 is never chosen"}
    assert decided(CONFIG, "m", prefix="p").outcome.reason == "keep: where prompts that begin so go"  # type: ignore[union-attr]
    drawn = decided(CONFIG, "m").outcome.reason  # type: ignore[union-attr]
    assert drawn == "keep: drawn, because the request has nothing to stick by"


def test_a_shut_target_is_left_for_the_next_of_the_same_order() -> None:
    plan = plan_of(decided(CONFIG, "m", session="s"))
    assert plan_of(decided(CONFIG, "m", session="s", seen={plan[0]: shut(NOW + 9)})) == plan[1:]
