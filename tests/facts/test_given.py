"""What an Envoy has, as its routes say it."""

from extproc import names
from extproc.facts.given import LONGEST, Given, read_given, write_given


def test_what_is_written_is_read() -> None:
    for shown in (True, False):
        told = dict(write_given(["b-1", "a-2.held"], answers=shown))
        assert read_given(told) == Given(frozenset({"a-2.held", "b-1"}), shown)


def test_an_envoy_without_clusters_says_that_it_has_none() -> None:
    assert read_given(dict(write_given([], answers=False))) == Given(frozenset(), False)


def test_what_was_not_told_is_not_known() -> None:
    assert read_given({names.FILTER_METADATA: "router"}) is None


def test_more_than_can_be_told_is_not_told() -> None:
    assert write_given([f"cluster-{number}" for number in range(LONGEST)], answers=True) == ()
