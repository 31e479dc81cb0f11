"""A plan for an Envoy that walks none."""

import pytest

from extproc.decision.first_target import first_target
from extproc.decision.plan import Plan, Step
from extproc.snapshot import Target

A, B, C = Target("a", "m"), Target("b", "m"), Target("c", "m")


def plan(*targets: Target) -> Plan:
    steps = tuple(Step(target, "because") for target in targets)
    return Plan(steps, "ordered", "a is written first", 60.0, True, frozenset({"auth"}))


def test_only_the_first_is_in_it_and_the_others_are_said() -> None:
    made = first_target(plan(A, B, C), endpoints=1, max_attempts=3)
    assert [step.target for step in made.steps] == [A]
    assert made.reason == "a is written first; its Envoy walks no plan, else b/m, c/m would be next"


def test_nothing_is_said_where_nothing_is_lost() -> None:
    assert first_target(plan(A), endpoints=1, max_attempts=3).reason == "a is written first"


def test_nothing_is_held_for_a_next_target() -> None:
    made = first_target(plan(A, B), endpoints=1, max_attempts=3)
    assert (made.first_event, made.fallback_on) == (False, frozenset())


@pytest.mark.parametrize(("endpoints", "most", "tries"), [(1, 3, 1), (2, 3, 2), (5, 3, 3), (5, 1, 1)])
def test_a_pool_is_tried_as_often_as_it_has_endpoints_and_max_attempts_allows(
    endpoints: int, most: int, tries: int
) -> None:
    made = first_target(plan(A, B), endpoints=endpoints, max_attempts=most)
    assert [step.target for step in made.steps] == [A] * tries
