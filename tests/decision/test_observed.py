"""Observations as a document: what is read back is what was told, at any other clock."""

import json
from dataclasses import fields, replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.decision.decide import decide
from extproc.decision.observed import NotObservations, Seen, read, told
from extproc.decision.plan import Measure, Observation, Observations
from extproc.snapshot import RolloutSpec, StrategySpec, Target
from tests.decision.oracle import STANDINGS, World
from tests.decision.samples import NOW, facts, provider, snapshot
from tests.decision.worlds import observations_of, provider_of, spec_of, worlds

SHUT = Observation(
    breaker="shut",
    reopens_at=130.0,
    why="5 failures in a row",
    health="probing",
    health_why="1 of 2",
    in_flight=3,
    turn=7,
    errors=Measure(0.25, 90.0, 8),
    first_token={0: Measure(0.2, 99.5, 4), 3: Measure(2.0, 80.0)},
    per_token=Measure(0.01, 99.5),
    latency_p95=Measure(0.4, 99.5),
    requests_left=Measure(5, 100.0),
    tokens_left=Measure(1e6, 100.0),
    queue_depth=Measure(2, 95.0),
    tokens_per_second=Measure(80.5, 95.0),
    cached_share=Measure(0.5, 99.0),
    asleep=True,
)
NUMBERS = st.floats(-1e12, 1e12)
MEASURES = st.builds(Measure, NUMBERS, st.floats(-1e6, 1e6), st.integers(0, 1000))
OBSERVATIONS = st.builds(
    Observation,
    breaker=st.sampled_from(["serving", "shut", "probing"]),
    reopens_at=st.none() | st.floats(-1e6, 1e6),
    probes_left=st.integers(0, 9),
    why=st.text(max_size=5),
    in_flight=st.integers(0, 99),
    first_token=st.dictionaries(st.integers(0, 3), MEASURES),
    per_token=st.none() | MEASURES,
    asleep=st.booleans(),
)


def test_every_field_of_an_observation_is_told() -> None:
    """A field that is added to one and forgotten in the other would decide otherwise in `explain`."""
    expected = ["reopens_in" if one.name == "reopens_at" else one.name for one in fields(Observation)]
    assert list(Seen.__struct_fields__) == expected
    assert set(told(Observations({"a/b": SHUT}), 100.0)["targets"]["a/b"]) == set(expected) - {"probes_left"}


def test_moments_are_ages() -> None:
    document = told(Observations({"a/b": SHUT}, {"main a/b": Measure(300, 40.0, 9)}, {"canary": 0.1}), 100.0)
    target = document["targets"]["a/b"]
    assert target["reopens_in"] == 30.0 and target["errors"] == {"value": 0.25, "age": 10.0, "samples": 8}
    assert target["first_token"]["0"] == {"value": 0.2, "age": 0.5, "samples": 4}
    assert document["outputs"] == {"main a/b": {"value": 300, "age": 60.0, "samples": 9}}
    assert document["shares"] == {"canary": 0.1}


@given(st.dictionaries(st.text(max_size=5), OBSERVATIONS, max_size=3))
def test_what_is_read_back_is_the_same(targets: dict[str, Observation]) -> None:
    """Through JSON, at the same now; but for what rounding costs, always."""
    text = json.dumps(told(Observations(targets), 50.0))
    again = read(msgspec.json.decode(text), 50.0)
    assert json.dumps(told(again, 50.0)) == text
    assert set(again.targets) == set(targets)


def test_another_clock_sees_the_same_ages() -> None:
    observations = Observations({"a/b": SHUT}, {"main a/b": Measure(300, 40.0, 9)})
    here = json.loads(json.dumps(told(observations, 100.0)))
    there = read(here, 7_000_000.0)
    assert told(there, 7_000_000.0) == here
    assert there.targets["a/b"].reopens_at == 7_000_030.0 and read(here, 100.0) == observations


@settings(max_examples=200)
@given(worlds(), st.sampled_from(sorted(STANDINGS)), st.data())
def test_a_recorded_decision_is_made_again_on_another_clock(world: World, kind: str, data: st.DataObject) -> None:
    """The same plan, with the same words and scores."""
    seen = observations_of(world)
    states = st.builds(dict, breaker=st.sampled_from(("serving", "shut", "probing")), probes_left=st.integers(0, 1))
    targets = {name: replace(one, **data.draw(states), reopens_at=NOW + 7.5) for name, one in seen.targets.items()}
    here = replace(seen, targets=targets)
    text = json.dumps(told(here, NOW))
    config = snapshot(*map(provider_of, world.pools), strategies=[spec_of(kind, world)], strategy="mine")
    asked = facts("m", input_tokens=world.tokens, max_output_tokens=world.cap)
    first = decide(asked, config, here, NOW, 0.25)
    for clock in (0.0, 3.5e6):
        assert decide(asked, config, read(json.loads(text), clock), clock, 0.25) == first


@given(st.floats(0, 1), st.floats(0, 1, exclude_max=True), st.integers(1, 2))
def test_measures_and_shares_are_told_as_they_are(share: float, draw: float, digits: int) -> None:
    """Two that differ by less than anybody would write still stand in their order when they are read back."""
    close = Observations(
        {
            "alpha/m": Observation(first_token={0: Measure(0.2 + digits * 1e-12, NOW)}),
            "beta/m": Observation(first_token={0: Measure(0.2, NOW)}),
        },
        shares={"mine": share},
    )
    again = read(json.loads(json.dumps(told(close, NOW))), NOW)
    assert again == close
    rollout = RolloutSpec((Target("alpha", "m"),), (Target("beta", "m"),), sticky="none")
    spec = StrategySpec("mine", "canary", rollout=rollout)
    config = snapshot(provider("alpha", "m"), provider("beta", "m"), strategies=[spec])
    for strategy in ("latency", "mine"):
        asked = facts("m", strategy=strategy)
        assert decide(asked, config, again, NOW, draw) == decide(asked, config, close, NOW, draw)


HOSTILE: list[Any] = [
    None,
    [],
    "x",
    {},
    {"targets": []},
    {"targets": {"a/b": 1}},
    {"targets": {"a/b": {"breaker": "open"}}},
    {"targets": {"a/b": {"in_flight": -1}}},
    {"targets": {"a/b": {"in_flight": 1.5}}},
    {"targets": {"a/b": {"errors": 0.5}}},
    {"targets": {"a/b": {"errors": {"value": "1", "age": 0}}}},
    {"targets": {"a/b": {"errors": {"value": 1e308, "age": 0}}}},
    {"targets": {"a/b": {"errors": {"value": float("nan"), "age": 0}}}},
    {"targets": {"a/b": {"first_token": {"9": {"value": 1, "age": 0}}}}},
    {"targets": {"a/b": {"first_token": {"x": {"value": 1, "age": 0}}}}},
    {"targets": {}, "shares": {"x": "all"}},
]


@pytest.mark.parametrize("document", HOSTILE, ids=str)
def test_anything_else_is_one_line(document: Any) -> None:
    with pytest.raises(NotObservations) as caught:
        read(document, 1.0)
    assert "\n" not in str(caught.value) and str(caught.value).startswith("these are no observations: ")
