"""Which target an attempt was made at."""

from dataclasses import replace

from extproc.outcome.classify import AttemptResult
from extproc.outcome.join import Joined
from extproc.outcome.trails import Place, Trails
from tests.outcome.samples import CLAUDE, SMALL, attempt, exchange

PLAN = (Place(SMALL, "lab-1a2b"), Place(CLAUDE, "anthropic-1a2b"))


def test_an_attempt_stands_where_its_cluster_stands_in_the_plan() -> None:
    """Also when the one before it was lost."""
    told: list[AttemptResult] = []
    trails = Trails(lambda result, now: told.append(result))
    trails.attempt(attempt(CLAUDE), PLAN, 0.0)
    assert [(result.number, result.target) for result in told] == [(2, CLAUDE)]


def test_a_number_that_envoy_says_is_believed() -> None:
    """Unless that place has another cluster."""
    told: list[AttemptResult] = []
    trails = Trails(lambda result, now: told.append(result))
    same = (Place(SMALL, "lab-1a2b"), Place(SMALL, "lab-1a2b"))
    trails.attempt(replace(attempt(), attempt=2), same, 0.0)
    trails.attempt(replace(attempt(at=1), attempt=1), (PLAN[1],), 0.0)
    assert [result.number for result in told] == [2]


def test_an_ended_exchange_gives_all_results_in_order() -> None:
    """Those heard before and those heard now, each told once."""
    told: list[AttemptResult] = []
    trails = Trails(lambda result, now: told.append(result))
    first, second = attempt(status=500), attempt(CLAUDE, at=1)
    trails.attempt(second, PLAN, 0.0)
    results = trails.ended(Joined(exchange(SMALL, CLAUDE), (first, second), 0), PLAN, 1.0)
    assert [result.number for result in results] == [1, 2]
    assert [result.number for result in told] == [2, 1]
    again = trails.ended(Joined(exchange(SMALL, CLAUDE), (first, second), 0), PLAN, 2.0)
    assert again == results and len(told) == 2


def test_memory_is_bounded() -> None:
    """The oldest trail goes out."""
    trails = Trails(lambda result, now: None, limit=3)
    for index in range(10):
        trails.attempt(attempt(request_id=f"r{index}"), PLAN, 0.0)
    assert len(trails) == 3
