"""Others' JSON, read without trust."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.tolerant import at, count, decoded, items, mapping, number, text

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda more: st.lists(more) | st.dictionaries(st.text(), more),
)


def test_what_stands_there_is_found_through_objects() -> None:
    told = {"a": {"b": "c", "n": 7.0, "l": [1]}}
    assert (text(told, "a", "b"), count(told, "a", "n"), items(told, "a", "l")) == ("c", 7, [1])
    assert (mapping(told, "a"), at(told, "x", "y"), number(told, "a", "n")) == (told["a"], None, 7.0)


@pytest.mark.parametrize("written", [True, -1, 1.5, "7", None, 2**60, float("inf"), float("nan")])
def test_a_number_that_is_no_count_is_none(written: object) -> None:
    assert count({"n": written}, "n") is None


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 5000, b"1e400", b'"\\ud800"'])
def test_what_is_no_json_is_none(data: bytes) -> None:
    assert decoded(data) is None


@given(ANY, st.lists(st.text(), max_size=2))
def test_nothing_raises(told: Any, keys: list[str]) -> None:
    found = (text(told, *keys), items(told, *keys), mapping(told, *keys), count(told, *keys), number(told, *keys))
    assert isinstance(found[0], str) and isinstance(found[1], list)


def test_a_byte_order_mark_before_json_is_passed_over() -> None:
    assert decoded(b'\xef\xbb\xbf {"a": 1}') == {"a": 1}
