"""What is known of a decision, and what is not guessed."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc import names
from extproc.outcome.known import Known, known, parse_target
from extproc.outcome.lookup import cluster_of, price_of
from extproc.outcome.record import Record
from extproc.snapshot import Target
from tests.outcome.samples import ANY, CLAUDE, SMALL, SNAPSHOT, exchange


def test_metadata_is_read_whole() -> None:
    """As Envoy's record brings it: numbers are doubles, lists are lists."""
    told = known(
        exchange(
            SMALL,
            CLAUDE,
            told={
                names.M_STREAM: True,
                names.M_REASON: "first",
                names.M_DIALECT: "openai",
                names.M_LOSSES: ["seed", "tools.function.strict"],
                names.M_ARM: "canary",
            },
        ),
        None,
    )
    assert told == Known(
        id="x1",
        snapshot="s1",
        route="main",
        endpoint="chat",
        dialect="openai",
        caller="ci",
        labels={"team": "blue"},
        model="smart",
        strategy="ordered",
        arm="canary",
        targets=(SMALL, CLAUDE),
        reason="first",
        stream=True,
        input_estimate=12,
        losses=("seed", "tools.function.strict"),
    )


values = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.text()
    | st.lists(st.text() | st.floats())
    | st.dictionaries(st.text(), st.floats())
)


@given(
    st.dictionaries(st.sampled_from([value for name, value in vars(names).items() if name.startswith("M_")]), values)
)
def test_values_of_the_wrong_kind_are_left_out(told: dict[str, Any]) -> None:
    """Whatever stands in the metadata, reading it raises nothing and makes nothing up."""
    out = known(exchange(metadata={names.META: told}), None)
    assert isinstance(out.id, str) and out.input_estimate >= 0 and isinstance(out.stream, bool)
    assert all(isinstance(target, Target) for target in out.targets)
    assert all(isinstance(value, str) for value in out.labels.values())


def test_a_route_that_is_not_ours_tells_nothing() -> None:
    """Nor does the absence of everything."""
    foreign = replace(exchange(), metadata={}, route_name="v1")
    assert known(foreign, None) == Known()
    assert known(None, None) == Known()
    assert known(Record("exchange", "r", True, 404), None) == Known()


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("lab/small", SMALL),
        ("openrouter/anthropic/claude-3.5", Target("openrouter", "anthropic/claude-3.5")),
        ("lab", None),
        ("/small", None),
        ("lab/", None),
    ],
)
def test_a_target_is_split_at_its_first_slash(text: str, target: Target | None) -> None:
    """Models may hold slashes; providers do not."""
    assert parse_target(text) == target


def test_prices_and_clusters_come_from_the_snapshot() -> None:
    """None where it does not know, or is gone."""
    assert price_of(SNAPSHOT, CLAUDE) is not None and price_of(SNAPSHOT, ANY) is None and price_of(None, SMALL) is None
    assert cluster_of(SNAPSHOT, SMALL) == "lab-1a2b" and cluster_of(None, SMALL) is None
    assert cluster_of(SNAPSHOT, Target("gone", "x")) is None
