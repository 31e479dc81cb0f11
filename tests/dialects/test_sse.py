"""Server-sent events: what is read is what the standard says, and what passes is what came."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.sse import Decoder, Event, encode

ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
LINES = st.sampled_from(
    [b"data: a", b"data:b", b"data: \xe4\xb8\xad", b"data", b": note", b"event: e", b"id: 1", b"x", b"data:  two", b""]
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    end = draw(ENDS)
    bom = b"\xef\xbb\xbf" if draw(st.booleans()) else b""
    return bom + b"".join(line + (end if draw(st.booleans()) else draw(ENDS)) for line in draw(st.lists(LINES)))


def decoded(data: bytes, cuts: list[int], limit: int = 1 << 20) -> tuple[list[Event], bytes]:
    decoder = Decoder(limit)
    events: list[Event] = []
    places = [0, *sorted(cut for cut in cuts if cut <= len(data)), len(data)]
    for start, stop in itertools.pairwise(places):
        events += decoder.feed(data[start:stop])
    return events, decoder.rest()


def read(events: list[Event]) -> list[tuple[str | None, bytes]]:
    return [(event.name, event.data) for event in events if event.data is not None]


@given(streams(), st.lists(st.integers(0, 80)))
def test_every_split_reads_the_same_and_passes_the_same_bytes(data: bytes, cuts: list[int]) -> None:
    whole, rest = decoded(data, [])
    split, split_rest = decoded(data, cuts)
    assert read(split) == read(whole)
    assert b"".join(event.raw for event in split) + split_rest == data
    assert b"".join(event.raw for event in whole) + rest == data


@given(streams(), st.lists(st.integers(0, 80)), st.integers(1, 12))
def test_events_over_the_limit_pass_unread_at_every_split(data: bytes, cuts: list[int], limit: int) -> None:
    whole, _ = decoded(data, [], limit)
    split, rest = decoded(data, cuts, limit)
    assert b"".join(event.raw for event in split) + rest == data
    assert read(split) == read(whole)
    assert all(len(event.raw.rstrip(b"\r\n")) <= limit for event in whole if event.data is not None)


@given(streams(), st.lists(st.integers(0, 80)))
def test_whoever_drops_an_event_drops_the_same_bytes_at_every_split(data: bytes, cuts: list[int]) -> None:
    def without_a(events: list[Event], rest: bytes) -> bytes:
        out, dropping = b"", False
        for event in events:
            dropping = event.data == b"a" or (event.more_of_last and dropping)
            out += b"" if dropping else event.raw
        return out + rest

    assert without_a(*decoded(data, cuts)) == without_a(*decoded(data, []))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"data: 1\n\ndata: 2\n\n", [(None, b"1"), (None, b"2")]),
        (b"event: x\r\ndata: 1\r\ndata: 2\r\n\r\n", [("x", b"1\n2")]),
        (b"data: 1\r\rdata: 2\r\r", [(None, b"1"), (None, b"2")]),
        (b"\xef\xbb\xbfdata: 1\n\n", [(None, b"1")]),
        (b": OPENROUTER PROCESSING\n\ndata: 1\n\n", [(None, b"1")]),
        (b"data: 1\ndata: 2", []),
        (b"data:\n\n", [(None, b"")]),
        (b"data: a:b: c\n\n", [(None, b"a:b: c")]),
    ],
)
def test_events_by_example(data: bytes, expected: list[tuple[str | None, bytes]]) -> None:
    """Line endings, several data lines, comments, a byte order mark and an event that never ended."""
    assert read(decoded(data, [])[0]) == expected


def test_an_event_passes_the_moment_its_empty_line_is_there() -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: 1\r\n\r") == [Event(None, b"1", b"data: 1\r\n\r")]
    assert decoder.feed(b"\ndata: 2\n") == [Event(None, None, b"\n", more_of_last=True)]


def test_a_stream_without_an_end_is_not_kept() -> None:
    decoder = Decoder(limit=1000)
    passed = sum(len(event.raw) for _ in range(1000) for event in decoder.feed(b"x" * 100))
    assert passed > 99_000


@given(st.binary(max_size=40).filter(lambda data: b"\r" not in data and not data.endswith(b"\n")))
def test_what_we_write_is_what_a_reader_reads(data: bytes) -> None:
    assert read(Decoder().feed(encode(data, "name"))) == [("name", data)]
