"""How much to think, in words and in tokens."""

import pytest

from extproc.dialects.efforts import BUDGETS, EFFORTS, effort_of, nearest


@pytest.mark.parametrize(
    ("asked", "taken", "found"),
    [
        ("high", {"low", "high"}, "high"),
        ("xhigh", {"low", "high", "max"}, "high"),
        ("minimal", {"low", "high"}, "low"),
        ("minimal", {"none", "high"}, "high"),
        ("none", {"none", "low"}, "none"),
        ("none", {"low", "high"}, "low"),
        ("low", {"none"}, None),
        ("low", set(), None),
    ],
)
def test_an_effort_that_is_not_taken_is_the_next_lower_one_else_the_least(
    asked: str, taken: set[str], found: str | None
) -> None:
    assert nearest(asked, taken) == found


def test_a_budget_is_the_least_effort_that_thinks_as_long() -> None:
    assert [effort_of(budget) for budget in (1, 1024, 1025, 32_000, 10**9)] == [
        "minimal",
        "minimal",
        "low",
        "max",
        "max",
    ]


def test_more_effort_is_more_tokens() -> None:
    assert list(BUDGETS) == list(EFFORTS[1:])
    assert sorted(set(BUDGETS.values())) == list(BUDGETS.values())
