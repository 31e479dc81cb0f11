"""Edits of a JSON object's top level: equal to the same edit of the parsed object, and untouched elsewhere."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.json_edit import NotAnObject, edit, members

KEYS = st.sampled_from(["model", "stream", "team", "provider", "a b", "é", 'q"uote', "back\\slash", "", "messages"])
LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
SPACES = st.text(alphabet=" \t\r\n", max_size=3)


@st.composite
def written(draw: st.DrawFn) -> tuple[bytes, list[tuple[str, str]]]:
    """An object as text with any spacing, escapes and duplicates; and its members with their values' text."""

    def key_text(key: str) -> str:
        return "".join(f"\\u{ord(c):04x}" if draw(st.booleans()) else json.dumps(c)[1:-1] for c in key)

    pairs = draw(st.lists(st.tuples(KEYS, VALUES), max_size=6))
    texts = [(key, json.dumps(value, ensure_ascii=draw(st.booleans()))) for key, value in pairs]
    parts = [f'{draw(SPACES)}"{key_text(k)}"{draw(SPACES)}:{draw(SPACES)}{v}{draw(SPACES)}' for k, v in texts]
    inside = ",".join(parts) or draw(SPACES)
    bom = b"\xef\xbb\xbf" if draw(st.booleans()) else b""
    return bom + f"{draw(SPACES)}{{{inside}}}{draw(SPACES)}".encode(), texts


@given(written(), st.dictionaries(KEYS, VALUES, max_size=3), st.sets(KEYS, max_size=3))
def test_an_edit_means_the_same_as_the_edit_of_the_parsed_object(
    text: tuple[bytes, list[tuple[str, str]]], put: dict[str, Any], remove: set[str]
) -> None:
    body, _ = text
    expected = json.loads(body) | put
    expected = {key: value for key, value in expected.items() if key not in remove}
    edited = edit(body, {key: json.dumps(value).encode() for key, value in put.items()}, remove)
    assert json.loads(edited) == expected
    keys = [key for key, _ in json.loads(edited, object_pairs_hook=list)]
    assert all(keys.count(key) <= 1 for key in put)


@given(written())
def test_an_edit_of_nothing_is_the_same_bytes(text: tuple[bytes, list[tuple[str, str]]]) -> None:
    body, _ = text
    assert edit(body, {}, {"never there"}) == body


@given(written(), VALUES)
def test_a_replaced_value_leaves_every_other_byte_as_it_came(
    text: tuple[bytes, list[tuple[str, str]]], value: Any
) -> None:
    body, texts = text
    keys = [key for key, _ in texts]
    if keys.count("model") != 1:
        return
    new = json.dumps(value).encode()
    old = dict(texts)["model"].encode()
    edited = edit(body, {"model": new})
    assert len(edited) == len(body) - len(old) + len(new)
    at = next(
        i for i in range(len(body) + 1) if body[i:].startswith(old) and body[:i] + new + body[i + len(old) :] == edited
    )
    assert edited[:at] == body[:at] and edited[at + len(new) :] == body[at + len(old) :]


@given(written())
def test_members_come_in_order_with_duplicates(text: tuple[bytes, list[tuple[str, str]]]) -> None:
    body, texts = text
    assert [(m.key, bytes(m.raw).decode()) for m in members(body)] == texts


@pytest.mark.parametrize(
    ("body", "put", "remove", "expected"),
    [
        (b'{"mod\\u0065l" : "a", "x": 1}', {"model": b'"b"'}, (), b'{"mod\\u0065l" : "b", "x": 1}'),
        (b'{"model":"a","x":1,"model":"b"}', {"model": b'"c"'}, (), b'{"x":1,"model":"c"}'),
        (b"{}", {"model": b'"c"'}, (), b'{"model":"c"}'),
        (b" { } ", {"model": b'"c"'}, (), b' {"model":"c" } '),
        (b'{"team":"x"}', {}, ("team",), b"{}"),
        (b'{ "team":"x" , "a":1 }', {}, ("team",), b'{ "a":1 }'),
        (b'{ "a":1 , "team":"x" }', {}, ("team",), b'{ "a":1 }'),
        (b'{"team":"x"}', {"model": b"1"}, ("team",), b'{"model":1}'),
        (b'{"a":1,"team":"x"}', {"model": b"1"}, ("team",), b'{"a":1,"model":1}'),
        (b'{"a":{"team":1},"team":"x","b":[1, 2]}', {}, ("team",), b'{"a":{"team":1},"b":[1, 2]}'),
    ],
)
def test_edits_by_example(body: bytes, put: dict[str, bytes], remove: tuple[str, ...], expected: bytes) -> None:
    """Spacing, commas, escapes and duplicates, written out."""
    assert edit(body, put, remove) == expected


@pytest.mark.parametrize(
    ("body", "offset", "why"),
    [
        (b"", None, "empty"),
        (b"  ", None, "empty"),
        (b"[1]", None, "not an object"),
        (b'{"secret prompt": NaN}', 18, "not valid JSON"),
        (b'\xef\xbb\xbf{"a" 1}', 8, "not valid JSON"),
        (b'{"a":1}x', 8, "not valid JSON"),
        (b'{"a":"\\ud800"}', None, "not valid JSON"),
        (b'{"\xff":1}', None, "not UTF-8"),
        (b"{" + b",".join([b'"model":1'] * 1001) + b"}", None, "more than 1000 members"),
        (b'{"a":' * 100_000, None, "nested too deeply"),
        (b'{"a":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}", None, "nested too deeply"),
        ('{"a":1}'.encode("utf-16"), 0, "not valid JSON"),
    ],
)
def test_what_is_no_object_is_an_error_with_its_place_and_nothing_of_the_body(
    body: bytes, offset: int | None, why: str
) -> None:
    with pytest.raises(NotAnObject, match=why) as caught:
        edit(body, {"model": b"1"})
    assert caught.value.offset == offset
    assert "secret" not in str(caught.value)


def test_a_large_body_is_edited_without_walking_its_values() -> None:
    """Two hundred thousand small messages: a scanner in Python would take seconds, the parser takes milliseconds."""
    body = json.dumps({"messages": [{"role": "user", "content": "x"}] * 200_000, "model": "a"}).encode()
    assert edit(body, {"model": b'"b"'}) == body[:-4] + b'"b"}'
