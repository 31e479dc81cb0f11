"""The books of a processor with a canary: Envoy's records in, the next decision's share out."""

import io
import json
from dataclasses import replace
from typing import Any

from extproc import names
from extproc.app.books import ExchangeBooks
from extproc.exchange.shelf import Shelf
from extproc.observe.metrics import Metrics
from extproc.outcome.last_used import LastUsed
from extproc.outcome.probed import NothingProbed
from extproc.outcome.rollouts import Rollouts, Told
from extproc.snapshot import Criteria, RolloutSpec, StrategySpec
from tests.outcome.samples import CLAUDE, SMALL, SNAPSHOT, attempt, exchange

ROLLOUT = RolloutSpec((SMALL,), (CLAUDE,), share=0.1, criteria=Criteria(error_rate=0.1), min_samples=10)
WITH_CANARY = replace(SNAPSHOT, strategies={"split": StrategySpec("split", "canary", rollout=ROLLOUT)})


class Scene:
    def __init__(self) -> None:
        self.now = 1000.0
        self.lines = io.StringIO()
        self.metrics = Metrics()
        self.told: list[Told] = []
        shelf = Shelf(WITH_CANARY)
        rollouts = Rollouts(shelf.get, lambda: self.now, self.metrics, self.told.append)
        self.books = ExchangeBooks(
            shelf, self.metrics, self.lines, lambda: self.now, NothingProbed(), LastUsed(), rollouts
        )

    def failed_over(self, number: int, **told: Any) -> None:
        """The canary answered 500, and the stable arm the caller."""
        said = {names.M_STRATEGY: "split", names.M_ARM: "canary", **told}
        this = {"request_id": f"r{number}"}
        self.books.record(attempt(CLAUDE, status=500, **this))
        self.books.record(attempt(SMALL, at=0.1, **this))
        self.books.record(exchange(CLAUDE, SMALL, told=said, **this))

    def metric(self, line: str) -> bool:
        return line in self.metrics.expose().decode().splitlines()


def test_failures_that_callers_never_saw_roll_it_back() -> None:
    scene = Scene()
    assert scene.books.observations(WITH_CANARY).shares == {"split": 0.1}
    for number in range(10):
        scene.failed_over(number)
    scene.books.tick(WITH_CANARY)
    assert scene.books.observations(WITH_CANARY).shares == {"split": 0.0}
    assert [one.move.kind for one in scene.told] == ["rollback"]
    assert json.loads(scene.lines.getvalue().splitlines()[0])["arm"] == "canary"
    for line in (
        'extproc_arm_exchanges_total{arm="canary",result="failed",strategy="split"} 10.0',
        'extproc_arm_seconds_count{arm="canary",strategy="split"} 10.0',
        'extproc_arm_tokens_total{arm="canary",strategy="split"} 0.0',  # the stable arm answered
        'extproc_canary_share{strategy="split"} 0.0',
        'extproc_canary_moves_total{move="rollback",strategy="split"} 1.0',
        'extproc_canary_moves_total{move="promote",strategy="split"} 0.0',
    ):
        assert scene.metric(line), line


def test_an_exchange_that_took_no_part_changes_nothing() -> None:
    scene = Scene()
    for number in range(20):
        scene.failed_over(number, **{names.M_ARM: None})
    scene.books.tick(WITH_CANARY)
    assert scene.books.observations(WITH_CANARY).shares == {"split": 0.1}
    assert "arm" not in json.loads(scene.lines.getvalue().splitlines()[0])
