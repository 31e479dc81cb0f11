"""Objects cut out of an array as they come."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.json_objects import Decoder
from extproc.dialects.ndjson import TooLarge

VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a"\\{}[],ü\n', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='k"}{', max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), max_size=5)


def cut(data: bytes, piece: int, limit: int = 1 << 20) -> list[Any]:
    decoder = Decoder(limit)
    found = [one for at in range(0, len(data), piece) for one in decoder.feed(data[at : at + piece])]
    return found + decoder.rest()


@given(OBJECTS, st.sampled_from([None, 2]), st.booleans(), st.integers(1, 40))
def test_any_split_of_an_array_gives_its_objects(
    objects: list[dict[str, Any]], indent: int | None, escaped: bool, piece: int
) -> None:
    data = json.dumps(objects, indent=indent, ensure_ascii=escaped).encode()
    assert [json.loads(one) for one in cut(data, piece)] == objects


def test_objects_need_no_array() -> None:
    assert cut(b' {"a":1}\n\r\n{"b":{}}{}', 3) == [b'{"a":1}', b'{"b":{}}', b"{}"]


@pytest.mark.parametrize("piece", [1, 5, 100])
def test_what_is_no_object_is_told_once(piece: int) -> None:
    assert cut(b'[{"a":1}, null, {"b":2}]', piece) == [b'{"a":1}', b"n"]


@pytest.mark.parametrize("piece", [1, 5, 100])
def test_an_object_without_an_end_is_left(piece: int) -> None:
    assert cut(b'[{"a":1},{"b":"}', piece) == [b'{"a":1}', b'{"b":"}']


@pytest.mark.parametrize("piece", [1, 7, 100])
@pytest.mark.parametrize("long", [b'{"long":"xxxxxxxx"}', b'{"long":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxx'])
def test_an_object_over_the_limit_is_not_kept(piece: int, long: bytes) -> None:
    found = cut(b'[{"a":1},' + long + b',{"b":2}]', piece, limit=16)
    assert found[0] == b'{"a":1}'
    assert [type(one) for one in found[1:]] == [TooLarge]
