"""The canaries of a processor: fed, moved, announced, kept over reloads and over the processor's own end."""

import logging
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extproc.decision.rollout import Progress
from extproc.observe.outcome import Attempt
from extproc.outcome.rollouts import Rollouts, Told
from extproc.snapshot import Criteria, RolloutSpec, Snapshot, StrategySpec
from extproc.stores.rollout_memory import RolloutMemory
from tests.observe.samples import outcome
from tests.outcome.samples import CLAUDE, SMALL, SNAPSHOT

ROLLOUT = RolloutSpec(
    (SMALL,),
    (CLAUDE,),
    share=0.1,
    steps=(0.5, 1.0),
    step_every=60.0,
    criteria=Criteria(error_rate=0.1),
    window=120.0,
    min_samples=10,
    webhook=True,
)


def configured(rollout: RolloutSpec | None = ROLLOUT, id: str = "s1", name: str = "split") -> Snapshot:
    strategies = {name: StrategySpec(name, "canary", rollout=rollout)} if rollout else {}
    return replace(SNAPSHOT, id=id, strategies=strategies)


class Scene:
    """Rollouts with everything around them written down."""

    def __init__(self, memory: Path | None = None, first: Snapshot | None = None) -> None:
        self.now = 1000.0
        self.snapshots: dict[str, Snapshot] = {}
        self.told: list[Told] = []
        self.exchanges: list[tuple[str, str, str]] = []
        self.moves: list[tuple[str, str]] = []
        self.gauge: dict[str, float] = {}
        self.rollouts = Rollouts(
            self.snapshots.get,
            lambda: self.now,
            self,
            self.told.append,
            RolloutMemory(memory) if memory is not None else None,
        )
        self.use(first or configured())

    def arm_exchange(self, strategy: str, arm: str, result: str, sample: Any) -> None:
        self.exchanges.append((strategy, arm, result))

    def canary_moved(self, strategy: str, move: str) -> None:
        self.moves.append((strategy, move))

    def canary_shares(self, shares: Any) -> None:
        self.gauge = dict(shares)

    def use(self, snapshot: Snapshot) -> None:
        self.snapshots[snapshot.id] = self.snapshot = snapshot
        self.rollouts.use(snapshot)

    def exchanged(self, good: int = 0, bad: int = 0, arm: str = "canary", snapshot: str = "s1", **keys: Any) -> None:
        target = str(CLAUDE if arm == "canary" else SMALL)
        for number in range(good + bad):
            kind: Any = "ok" if number < good else "failure"
            tried = (Attempt(target, kind, 200 if kind == "ok" else 500, ""),)
            given = {"strategy": "split", "snapshot": snapshot, **keys}
            ended = outcome(arm=arm, attempts=tried, target=target, stream=False, **given)
            self.rollouts.exchange(ended)
            self.rollouts.count(ended)

    def tick(self, seconds: float = 0.0) -> None:
        self.now += seconds
        self.rollouts.tick(self.now)

    @property
    def share(self) -> float | None:
        return self.rollouts.shares(self.snapshot).get("split")

    @property
    def state(self) -> str:
        return str(self.rollouts.document()["canaries"][0]["state"])


def test_a_good_canary_climbs_and_is_promoted() -> None:
    scene = Scene()
    for _ in range(2):
        scene.exchanged(good=10)
        scene.tick(59)
        scene.tick(1)
    assert (scene.share, scene.state, scene.gauge) == (1.0, "promoted", {"split": 1.0})
    assert scene.moves == [("split", "step"), ("split", "promote")]
    assert [(one.move.kind, one.move.before, one.move.after, one.seen.canary.samples) for one in scene.told] == [
        ("step", 0.1, 0.5, 10),
        ("promote", 0.5, 1.0, 10),
    ]
    assert all(one.webhook and one.strategy == "split" for one in scene.told)


def test_a_bad_canary_is_rolled_back_at_once_and_stays_so(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()
    with caplog.at_level(logging.INFO, "extproc"):
        scene.exchanged(good=8, bad=1)
        scene.tick()
        assert scene.share == 0.1, "it has not enough samples yet"
        scene.exchanged(bad=1)
        scene.tick()
    assert (scene.share, scene.state, scene.gauge, scene.moves) == (
        0.0,
        "rolled_back",
        {"split": 0.0},
        [("split", "rollback")],
    )
    said = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert [one.getMessage() for one in said] == [
        "canary split is rolled back from 10 % to 0 %: its error rate of 20 % is not below 10 %"
    ]
    scene.exchanged(good=1000)
    scene.tick(1e6)
    assert (scene.share, len(scene.told)) == (0.0, 1)


def test_each_step_is_judged_by_its_own_samples() -> None:
    scene = Scene()
    scene.exchanged(good=100)
    scene.tick(60)
    assert scene.share == 0.5
    scene.exchanged(good=7, bad=2)
    scene.tick()
    assert scene.share == 0.5
    scene.exchanged(bad=1)
    scene.tick()
    assert scene.share == 0.0, "the hundred of the step before do not cover these"


def test_samples_leave_with_the_window() -> None:
    scene = Scene()
    scene.exchanged(bad=9)
    scene.tick(200)
    scene.exchanged(bad=1, good=8)
    scene.tick()
    assert scene.share == 0.1


def test_the_stable_arm_is_counted_and_never_judged() -> None:
    scene = Scene()
    scene.exchanged(bad=100, arm="stable")
    scene.tick(60)
    assert scene.share == 0.1 and scene.exchanges == [("split", "stable", "failed")] * 100


@pytest.mark.parametrize(
    "keys",
    [{"strategy": "other"}, {"strategy": None}, {"snapshot": "gone"}, {"arm": "third"}],
)
def test_what_belongs_to_no_canary_is_not_counted(keys: dict[str, Any]) -> None:
    scene = Scene()
    given = {"arm": "canary", "strategy": "split", "snapshot": "s1", **keys}
    tried = (Attempt(str(CLAUDE), "failure", 500, ""),)
    for _ in range(20):
        ended = outcome(attempts=tried, target=str(CLAUDE), **given)
        scene.rollouts.exchange(ended)
        scene.rollouts.count(ended)
    scene.tick()
    assert (scene.exchanges, scene.share) == ([], 0.1)


# --- reloads ---------------------------------------------------------------------------------------------------------


def rolled_back(memory: Path | None = None) -> Scene:
    scene = Scene(memory)
    scene.exchanged(bad=10)
    scene.tick()
    assert scene.share == 0.0
    return scene


def test_a_reload_that_leaves_the_rollout_alone_leaves_it_as_it_stands() -> None:
    scene = rolled_back()
    scene.use(replace(configured(id="s2"), aliases={}))
    assert (scene.share, scene.state) == (0.0, "rolled_back")


def test_samples_outlive_a_reload_too() -> None:
    scene = Scene()
    scene.exchanged(bad=5)
    scene.use(configured(id="s2"))
    scene.exchanged(bad=5, snapshot="s2")
    scene.tick()
    assert scene.share == 0.0


def test_a_rollout_that_changed_begins_anew_and_hears_nothing_of_the_one_before() -> None:
    scene = rolled_back()
    scene.use(configured(replace(ROLLOUT, share=0.2), "s2"))
    assert (scene.share, scene.state) == (0.2, "running")
    scene.exchanged(bad=50, snapshot="s1")
    scene.tick()
    assert scene.share == 0.2


def test_who_finishes_under_the_configuration_before_keeps_its_share() -> None:
    """A canary that was rolled back does not come back for the moment of a reload."""
    scene = rolled_back()
    before = scene.snapshot
    scene.use(configured(replace(ROLLOUT, share=0.2), "s2"))
    assert scene.rollouts.shares(before) == {"split": 0.0}
    scene.use(configured(None, "s3"))
    assert scene.rollouts.shares(before) == {}
    assert (scene.gauge, scene.rollouts.document()) == ({}, {"canaries": []})


def test_a_strategy_that_is_taken_out_and_put_in_again_begins_anew(tmp_path: Path) -> None:
    scene = rolled_back(tmp_path / "canaries")
    scene.use(configured(None, "s2"))
    scene.use(configured(id="s3"))
    assert scene.share == 0.1


# --- what outlives the processor -------------------------------------------------------------------------------------


def test_a_processor_that_is_started_anew_does_not_bring_a_bad_canary_back(tmp_path: Path) -> None:
    file = tmp_path / "canaries"
    rolled_back(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["canaries"]
    another = Scene(file)
    assert (another.share, another.state) == (0.0, "rolled_back")
    assert "error rate" in another.rollouts.document()["canaries"][0]["why"]


def test_a_canary_that_had_climbed_goes_on_from_its_step(tmp_path: Path) -> None:
    file = tmp_path / "canaries"
    scene = Scene(file)
    scene.exchanged(good=10)
    scene.tick(60)
    another = Scene(file)
    assert another.share == 0.5
    another.exchanged(good=10)
    another.tick(59)
    assert another.share == 0.5, "its time at the share begins again"
    another.tick(1)
    assert (another.share, another.state) == (1.0, "promoted")


def test_a_rollout_configured_otherwise_meanwhile_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "canaries"
    rolled_back(file)
    assert Scene(file, configured(replace(ROLLOUT, window=121.0))).share == 0.1


@pytest.mark.parametrize(
    "text", [b"", b"junk", b"[]", b'{"split": 1}', b'{"split": {"rollout": "x"}}', b"\xff", b'{"split": null}']
)
def test_what_cannot_be_read_is_forgotten(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "canaries"
    file.write_bytes(text)
    assert Scene(file).share == 0.1


def test_a_file_that_somebody_filled_with_nonsense_cannot_send_more_than_all(tmp_path: Path) -> None:
    file = tmp_path / "canaries"
    memory = RolloutMemory(file)
    memory.remember({"split": (ROLLOUT, Progress("running", 7.0, 0, 0.0, ""))})
    assert memory.recall("split", ROLLOUT, 0.0) is None


def test_where_nothing_can_be_written_it_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scene = rolled_back(tmp_path / "gone" / "canaries")
    assert scene.share == 0.0 and "could not be written down" in caplog.text


# --- what it looks like ----------------------------------------------------------------------------------------------


def test_the_document_tells_all_that_it_is_judged_by() -> None:
    scene = Scene()
    scene.exchanged(good=3, bad=1)
    scene.exchanged(good=2, arm="stable")
    scene.tick(5)
    (told,) = scene.rollouts.document()["canaries"]
    assert told == {
        "strategy": "split",
        "state": "running",
        "share": 0.1,
        "step": 0,
        "steps": [0.5, 1.0],
        "for_seconds": 5.0,
        "why": "4 of 10 samples are here",
        "min_samples": 10,
        "criteria": {"error_rate": 0.1, "latency_p95": None, "cost_efficiency": None},
        "cost_efficiency": pytest.approx(1.0),
        "canary": {
            "targets": [str(CLAUDE)],
            "samples": 4,
            "failed": 1,
            "error_rate": 0.25,
            "latency_p95": pytest.approx(0.45, rel=0.01),
        },
        "stable": {
            "targets": [str(SMALL)],
            "samples": 2,
            "failed": 0,
            "error_rate": 0.0,
            "latency_p95": pytest.approx(0.45, rel=0.01),
        },
    }


def test_a_canary_that_costs_nothing_has_a_document_too() -> None:
    scene = Scene()
    scene.exchanged(good=1, cost=0)
    scene.exchanged(good=1, arm="stable", cost=100)
    assert scene.rollouts.document()["canaries"][0]["cost_efficiency"] is None
