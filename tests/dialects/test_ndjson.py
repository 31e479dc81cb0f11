"""JSON lines, cut at every split alike."""

from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.ndjson import TOO_LARGE, Decoder, TooLarge

PIECES = st.lists(st.sampled_from([b'{"a":1}', b"\n", b"\r\n", b" ", b"x" * 9, "é".encode()]), max_size=20)


def lines(data: bytes, size: int, limit: int) -> list[bytes | TooLarge]:
    decoder = Decoder(limit)
    found = [line for at in range(0, len(data), size) for line in decoder.feed(data[at : at + size])]
    return found + decoder.rest()


def test_lines_come_without_their_ends_and_empty_ones_not_at_all() -> None:
    assert lines(b'{"a":1}\r\n\n  \n{"b":2}\n{"c":3}', 100, 100) == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


def test_a_line_over_the_limit_is_told_once_and_ends_the_reading() -> None:
    for size in (1, 3, 100):
        assert lines(b"ok\n" + b"x" * 11 + b"\nlater\n", size, 10) == [b"ok", TOO_LARGE]


def test_a_line_of_just_the_limit_passes() -> None:
    for size in (1, 100):
        assert lines(b"x" * 10 + b"\r\nlater", size, 10) == [b"x" * 10, b"later"]


@given(PIECES, st.integers(1, 9))
def test_any_split_gives_the_same_lines(pieces: list[bytes], size: int) -> None:
    data = b"".join(pieces)
    assert lines(data, size, 12) == lines(data, len(data) + 1, 12)


def test_nothing_over_the_limit_is_kept() -> None:
    decoder = Decoder(10)
    for _ in range(100):
        decoder.feed(b"x" * 10)
    assert decoder.rest() == []
