"""The decoder of AWS event streams: every kind of header, every split, and everything that can be wrong."""

import struct
import uuid
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects.aws_event_stream import LARGEST_HEADERS, Decoder, Frame
from tests.dialects.aws_frames import event, frame, header

UUID = uuid.UUID("01234567-89ab-cdef-0123-456789abcdef").bytes
EVERY_KIND = b"".join(
    (
        header("yes", 0),
        header("no", 1),
        header("byte", 2, -3),
        header("short", 3, -300),
        header("int", 4, 70_000),
        header("long", 5, -(2**40)),
        header("bytes", 6, b"\x00\xff"),
        header(":text", 7, "łódź"),
        header("at", 8, 1_750_000_000_123),
        header("id", 9, UUID),
    )
)
# As AWS's own SDKs read them: a frame of nothing, one with a number in a header, one with a text and a number.
NOTHING = bytes.fromhex("000000100000000005c248eb7d98c8ff")
NUMBER = bytes.fromhex("0000002d0000001041c424b80a6576656e742d747970650400 00a00c7b27666f6f273a27626172277d36f480a0")
MIXED = bytes.fromhex(
    "000000340000001d5285adf60d3a6d6573736167652d747970650700056576656e74016e04000000077b2261223a317d6d6fd72a"
)


def decoded(data: bytes, sizes: int = 1 << 20) -> tuple[list[Frame], str | None]:
    decoder = Decoder()
    frames = [frame for at in range(0, len(data), sizes) for frame in decoder.feed(data[at : at + sizes])]
    return frames, decoder.broken


def lengths(total: int, headers: int) -> bytes:
    two = struct.pack(">II", total, headers)
    return two + struct.pack(">I", zlib.crc32(two))


def test_every_kind_of_header_is_read() -> None:
    (got,), broken = decoded(frame(EVERY_KIND, b"payload"))
    assert broken is None
    assert got.payload == b"payload"
    assert got.headers == {
        "yes": True,
        "no": False,
        "byte": -3,
        "short": -300,
        "int": 70_000,
        "long": -(2**40),
        "bytes": b"\x00\xff",
        ":text": "łódź",
        "at": 1_750_000_000_123,
        "id": UUID,
    }
    assert got.text(":text") == "łódź"
    assert got.text("int") == got.text("missing") == ""


def test_frames_that_others_wrote() -> None:
    got, broken = decoded(NOTHING + NUMBER + MIXED)
    assert broken is None
    assert got == [
        Frame({}, b""),
        Frame({"event-type": 40972}, b"{'foo':'bar'}"),
        Frame({":message-type": "event", "n": 7}, b'{"a":1}'),
    ]


@given(st.lists(st.binary(max_size=300), max_size=5), st.lists(st.integers(1, 90), min_size=1, max_size=40))
def test_any_split_gives_the_same_frames(payloads: list[bytes], sizes: list[int]) -> None:
    data = b"".join(frame(EVERY_KIND, payload) for payload in payloads)
    decoder = Decoder()
    got: list[bytes] = []
    at = 0
    for turn in range(len(data) + 1):
        size = sizes[turn % len(sizes)]
        got += [each.payload for each in decoder.feed(data[at : at + size])]
        at += size
    assert got == payloads
    assert decoder.broken is None
    assert not decoder.within_frame


@pytest.mark.parametrize("place", range(len(MIXED)))
def test_every_wrong_byte_is_found(place: int) -> None:
    """And the good frames before it have been given, at any split."""
    wrong = bytearray(MIXED)
    wrong[place] ^= 0x10
    for size in (1, 7, 1 << 20):
        got, broken = decoded(NUMBER + bytes(wrong) + NUMBER * 3, size)
        assert len(got) == 1
        assert broken is not None


def test_nothing_comes_behind_a_broken_frame() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\x00" * 12) == []
    assert decoder.broken == "a frame's first checksum is wrong"
    assert decoder.feed(NUMBER) == []
    assert not decoder.within_frame


@pytest.mark.parametrize(
    ("total", "headers"),
    [(15, 0), (0, 0), (16, 1), (2**32 - 1, 2**32 - 1), (16 + 2**31, LARGEST_HEADERS + 1), (2**32 - 1, 0)],
)
def test_absurd_lengths_are_refused_before_anything_is_kept(total: int, headers: int) -> None:
    decoder = Decoder()
    assert decoder.feed(lengths(total, headers)) == []
    assert decoder.broken is not None
    assert not decoder.within_frame


def test_a_frame_may_be_as_large_as_the_limit_and_no_larger() -> None:
    fits = frame(b"", b"x" * 84)
    assert len(Decoder(limit=100).feed(fits)) == 1
    tight = Decoder(limit=99)
    assert tight.feed(fits) == []
    assert tight.broken == "a frame is larger than 99 bytes"


@pytest.mark.parametrize("cut", [1, 11, 12, 20, len(MIXED) - 1])
def test_a_frame_that_ends_too_early_is_known(cut: int) -> None:
    decoder = Decoder()
    assert decoder.feed(MIXED[:cut]) == []
    assert decoder.broken is None
    assert decoder.within_frame
    assert len(decoder.feed(MIXED[cut:])) == 1
    assert not decoder.within_frame


@pytest.mark.parametrize(
    "headers",
    [
        header("a", 10, b"?"),
        header("", 0),
        header("a", 0) * 2,
        header("a", 7, "text")[:-1],
        header("a", 4, 1)[:-1],
        header("a", 9, UUID)[:-1],
        header("a", 7, b"\xff"),
        b"\x05ab",
        b"\x01",
    ],
    ids=["kind", "no name", "twice", "text", "number", "uuid", "no UTF-8", "name cut", "kind missing"],
)
def test_headers_that_cannot_be_read(headers: bytes) -> None:
    got, broken = decoded(frame(headers))
    assert got == []
    assert broken is not None


@given(st.binary(max_size=400))
def test_no_bytes_raise(data: bytes) -> None:
    decoder = Decoder()
    for at in range(0, len(data), 5):
        decoder.feed(data[at : at + 5])
    assert Decoder().feed(frame(data, data)) is not None


def test_an_event_of_the_tests_is_what_the_decoder_reads() -> None:
    (got,), _ = decoded(event("metadata", {"usage": {}}))
    assert got.text(":event-type") == "metadata"
    assert got.payload == b'{"usage":{}}'
