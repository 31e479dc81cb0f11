"""One HTTP/2 connection by itself: what it takes in any pieces, what ends it, what its windows hold back."""

from collections.abc import Callable
from typing import Any

import pytest
from hpack import Decoder, Encoder
from hpack.exceptions import HPACKError
from hypothesis import assume, given
from hypothesis import strategies as st

from extproc.transport.http2 import frames
from extproc.transport.http2.connection import HEADER_LIMIT, MAX_FRAME, WINDOW, Broken, Connection, HeaderList
from extproc.transport.http2.frames import Code

OPENING = frames.PREFACE + frames.settings({})
HEADERS = ((b":method", b"POST"), (b":path", b"/m"), (b"x-extproc-filter", b"router"))


class Told:
    """The owner: everything in its order."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def request(self, stream: int, headers: HeaderList, *, over: bool) -> None:
        self.said.append(("request", stream, headers, over))

    def data(self, stream: int, data: bytes, *, over: bool) -> None:
        self.said.append(("data", stream, data, over))

    def reset(self, stream: int) -> None:
        self.said.append(("reset", stream))

    def writable(self, stream: int) -> None:
        self.said.append(("writable", stream))

    def ponged(self, payload: bytes) -> None:
        self.said.append(("ponged", payload))


def connected(*words: bytes) -> tuple[Connection, Told]:
    told = Told()
    made = Connection(told)
    made.receive(OPENING)
    made.take()
    for one in words:
        made.receive(one)
    return made, told


def block(headers: HeaderList = HEADERS) -> bytes:
    return bytes(Encoder().encode(list(headers)))


def opened(stream: int = 1, flags: int = 0) -> bytes:
    return frames.frame(frames.HEADERS, frames.END_HEADERS | flags, stream, block())


def data(stream: int, payload: bytes, flags: int = 0) -> bytes:
    return frames.frame(frames.DATA, flags, stream, payload)


def said(made: Connection) -> list[tuple[int, int, int, bytes]]:
    """Kind, flags, stream and payload of each frame that it would write."""
    words, found, at = made.take(), [], 0
    while at < len(words):
        length, kind, flags, stream = frames.head_of(words, at)
        found.append((kind, flags, stream, words[at + frames.HEAD_SIZE : at + frames.HEAD_SIZE + length]))
        at += frames.HEAD_SIZE + length
    return found


CONVERSATION = (
    OPENING
    + opened(1)
    + data(1, b"abc")
    + frames.frame(frames.PING, 0, 0, b"12345678")
    + opened(3, frames.END_STREAM)
    + data(1, b"", frames.END_STREAM)
    + frames.rst_stream(3, Code.CANCEL)
    + frames.frame(0x42, 0xFF, 5, b"unknown")
)


@given(st.lists(st.integers(0, len(CONVERSATION)), max_size=12))
def test_pieces_make_no_difference(cuts: list[int]) -> None:
    whole, told_whole = connected()
    whole.receive(CONVERSATION[len(OPENING) :])
    told = Told()
    made = Connection(told)
    at = 0
    for cut in [*sorted(cuts), len(CONVERSATION)]:
        made.receive(CONVERSATION[at:cut])
        at = cut
    assert told.said == told_whole.said
    assert told.said == [
        ("request", 1, HEADERS, False),
        ("data", 1, b"abc", False),
        ("request", 3, HEADERS, True),
        ("data", 1, b"", True),
        ("reset", 3),
    ]


@given(st.binary(max_size=400))
def test_whatever_comes_is_understood_or_ends_the_connection(noise: bytes) -> None:
    made, _ = connected()
    try:
        made.receive(noise)
    except Broken:
        assert said(made)[-1][0] == frames.GOAWAY


ANY_FRAME = st.tuples(st.integers(0, 10), st.integers(0, 255), st.integers(0, 5), st.binary(max_size=40))


@given(st.lists(ANY_FRAME, max_size=12))
def test_whatever_frames_come_are_understood_or_end_the_connection(
    random_frames: list[tuple[int, int, int, bytes]],
) -> None:
    made, _ = connected(opened(1))
    try:
        for kind, flags, stream, payload in random_frames:
            made.receive(frames.frame(kind, flags, stream, payload))
    except Broken:
        assert said(made)[-1][0] == frames.GOAWAY


def padded(payload: bytes, padding: int) -> bytes:
    return bytes([padding]) + payload + b"\0" * padding


def test_padding_and_priority_are_taken_off() -> None:
    flags = frames.PADDED | frames.WITH_PRIORITY | frames.END_HEADERS
    first = frames.frame(frames.HEADERS, flags, 1, padded(b"\0\0\0\0\x10" + block(), 7))
    _, told = connected(first, data(1, padded(b"abc", 3), frames.PADDED))
    assert told.said == [("request", 1, HEADERS, False), ("data", 1, b"abc", False)]


def test_headers_that_go_on_in_other_frames_are_one_block() -> None:
    packed = block()
    _, told = connected(
        frames.frame(frames.HEADERS, frames.END_STREAM, 1, packed[:3]),
        frames.frame(frames.CONTINUATION, 0, 1, packed[3:5]),
        frames.frame(frames.CONTINUATION, frames.END_HEADERS, 1, packed[5:]),
    )
    assert told.said == [("request", 1, HEADERS, True)]


def test_blocks_that_are_remembered_follow_the_table() -> None:
    """What points into the table means another header when the table has changed."""
    encoder = Encoder()
    _, told = connected()
    made, told = connected()
    for stream, value in ((1, b"a"), (3, b"a"), (5, b"b"), (7, b"b"), (9, b"a")):
        packed = bytes(encoder.encode([(b"x", value), (b"y", b"1")]))
        made.receive(frames.frame(frames.HEADERS, frames.END_HEADERS, stream, packed))
    assert [dict(one[2])[b"x"] for one in told.said] == [b"a", b"a", b"b", b"b", b"a"]


WORDS = st.sampled_from([b"", b"a", b"bc", b"x" * 40, b"y" * 3000])
BLOCKS = st.lists(
    st.one_of(
        st.lists(st.tuples(WORDS, WORDS, st.booleans()), max_size=6),
        st.sampled_from([0, 40, 100, 4000, 4096]),  # another size of the table
    ),
    max_size=40,
)


@given(BLOCKS)
def test_what_is_remembered_of_blocks_is_what_any_decoder_says(blocks: list[Any]) -> None:
    encoder, decoder = Encoder(), Decoder()
    made, told = connected()
    expected: list[HeaderList] = []
    for one in blocks:
        if isinstance(one, int):
            encoder.header_table_size = one
            continue
        packed = bytes(encoder.encode([(b"n" + name, value, secret) for name, value, secret in one]))
        try:
            expected += [tuple((name, value) for name, value in decoder.decode(packed, raw=True))]
        except HPACKError:
            assume(False)  # the library's encoder errs where its table's size changes more than once
        made.receive(frames.frame(frames.HEADERS, frames.END_HEADERS, 2 * len(expected) - 1, packed))
    assert [one[2] for one in told.said] == expected


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (frames.frame(frames.DATA, 0, 0, b"x"), Code.PROTOCOL_ERROR),
        (frames.frame(frames.DATA, 0, 9, b"x"), Code.PROTOCOL_ERROR),
        (opened(2), Code.PROTOCOL_ERROR),
        (opened(1) + opened(1), Code.PROTOCOL_ERROR),
        (frames.frame(frames.PUSH_PROMISE, 0, 1, b"\0\0\0\2"), Code.PROTOCOL_ERROR),
        (frames.frame(frames.CONTINUATION, 0, 1, b"x"), Code.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, 0, 1, block()) + data(1, b""), Code.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, 0, 1, b"\x88") + frames.frame(frames.CONTINUATION, 0, 1), Code.ENHANCE_YOUR_CALM),
        (frames.frame(frames.HEADERS, frames.END_HEADERS, 1, b"\xff\xff\xff\xff\x0f"), Code.COMPRESSION_ERROR),
        (frames.frame(frames.SETTINGS, 0, 1, b""), Code.PROTOCOL_ERROR),
        (frames.frame(frames.SETTINGS, 0, 0, b"12345"), Code.FRAME_SIZE_ERROR),
        (frames.settings({frames.SETTING_INITIAL_WINDOW: 1 << 31}), Code.FLOW_CONTROL_ERROR),
        (frames.settings({frames.SETTING_MAX_FRAME: 1}), Code.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, 0, 1, bytes(HEADER_LIMIT + 1)), Code.ENHANCE_YOUR_CALM),
        (frames.frame(frames.PING, 0, 0, b"1"), Code.FRAME_SIZE_ERROR),
        (frames.frame(frames.PING, 0, 1, b"12345678"), Code.PROTOCOL_ERROR),
        (frames.window_update(0, 0), Code.PROTOCOL_ERROR),
        (frames.window_update(0, frames.LARGEST_WINDOW), Code.FLOW_CONTROL_ERROR),
        (frames.frame(frames.WINDOW_UPDATE, 0, 0, b"1"), Code.FRAME_SIZE_ERROR),
        (frames.rst_stream(7, Code.CANCEL), Code.PROTOCOL_ERROR),
        (frames.head(MAX_FRAME + 1, frames.DATA, 0, 1), Code.FRAME_SIZE_ERROR),
        (opened(1) + data(1, b"\x05abc", frames.PADDED), Code.PROTOCOL_ERROR),
    ],
)
def test_what_a_client_may_not_do_ends_the_connection(words: bytes, code: Code) -> None:
    made, _ = connected()
    with pytest.raises(Broken) as raised:
        made.receive(words)
    assert raised.value.code is code
    kind, _, _, payload = said(made)[-1]
    assert (kind, payload[4:8]) == (frames.GOAWAY, bytes([0, 0, 0, code]))


def test_another_protocol_is_no_http2() -> None:
    with pytest.raises(Broken, match="no HTTP/2"):
        Connection(Told()).receive(b"GET / HTTP/1.1\r\n")


def test_a_header_block_has_a_limit() -> None:
    made, _ = connected(frames.frame(frames.HEADERS, 0, 1, b"\0" * 100))
    with pytest.raises(Broken, match="too long"):
        for _ in range(HEADER_LIMIT // 16_000 + 1):
            made.receive(frames.frame(frames.CONTINUATION, 0, 1, b"\0" * 16_000))


def test_pings_whose_answers_nobody_reads_end_the_connection() -> None:
    made, _ = connected()
    with pytest.raises(Broken, match="not read"):
        made.receive(frames.frame(frames.PING, 0, 0, b"12345678") * 70_000)


def test_a_stream_that_sends_more_than_it_may_ends_the_connection() -> None:
    made, _ = connected(opened(1))
    with pytest.raises(Broken, match="more than it may"):
        for _ in range(WINDOW // 100_000 + 1):
            made.receive(data(1, b"x" * 100_000))


def test_what_was_read_may_be_sent_again() -> None:
    made, _ = connected(opened(1))
    for _ in range(3 * WINDOW // 100_000):
        made.receive(data(1, b"x" * 100_000))
        made.read(1, 100_000)
    assert sum(kind == frames.WINDOW_UPDATE for kind, _, _, _ in said(made)) == 3 * WINDOW // 100_000


# --- what goes out ---------------------------------------------------------------------------------------------------


def test_a_stream_waits_for_its_window_and_holds_up_no_other() -> None:
    made, told = connected(frames.settings({frames.SETTING_INITIAL_WINDOW: 4}), opened(1), opened(3))
    made.take()
    assert not made.say(1, b"abcdef")
    assert made.say(3, b"xyz")
    made.end(1, b"\x88")
    assert [(kind, stream, payload) for kind, _, stream, payload in said(made)] == [(0, 1, b"abcd"), (0, 3, b"xyz")]
    made.receive(frames.window_update(1, 1))
    assert [(kind, payload) for kind, _, _, payload in said(made)] == [(0, b"e")]
    made.receive(frames.window_update(1, 9))
    (rest, trailers, stop) = said(made)
    assert rest == (frames.DATA, 0, 1, b"f")
    assert trailers == (frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, 1, b"\x88")
    assert stop == (frames.RST_STREAM, 0, 1, bytes(4))  # the client had not ended its side
    assert told.said[-1][0] == "request"


def test_who_waits_is_told_when_all_has_gone_out() -> None:
    made, told = connected(frames.settings({frames.SETTING_INITIAL_WINDOW: 4}), opened(1))
    assert not made.say(1, b"abcdef")
    made.receive(frames.window_update(1, 2))
    assert told.said[-1] == ("writable", 1)


def test_the_window_of_the_connection_holds_up_all() -> None:
    made, _ = connected(frames.settings({frames.SETTING_INITIAL_WINDOW: 1 << 20}), opened(1), opened(3))
    assert not made.say(1, b"x" * 70_000)
    assert not made.say(3, b"y")
    made.take()
    made.receive(frames.window_update(0, 10_000))
    assert [(stream, len(payload)) for _, _, stream, payload in said(made)] == [(1, 70_000 - 65_535), (3, 1)]


@pytest.mark.parametrize("limit", [16_384, 20_000])
def test_frames_are_as_long_as_the_other_side_takes_them(limit: int) -> None:
    made, _ = connected(frames.settings({frames.SETTING_MAX_FRAME: limit}), opened(1))
    made.take()
    made.say(1, b"x" * 50_000)
    sizes = [len(payload) for _, _, _, payload in said(made)]
    assert sizes == [limit] * (50_000 // limit) + [50_000 % limit]


def test_a_window_that_shrinks_below_nothing_is_waited_for() -> None:
    made, _ = connected(opened(1))
    made.say(1, b"x" * 60_000)
    made.take()
    made.receive(frames.settings({frames.SETTING_INITIAL_WINDOW: 0}))
    made.take()
    assert not made.say(1, b"y")
    assert said(made) == []
    made.receive(frames.window_update(1, 60_001))
    assert [payload for _, _, _, payload in said(made)] == [b"y"]


def test_who_does_not_read_is_told_no_more_until_it_does() -> None:
    made, told = connected(frames.settings({frames.SETTING_INITIAL_WINDOW: 1 << 20}), opened(1))
    made.take()
    made.hold()
    assert not made.say(1, b"x" * 30_000)
    assert said(made) == []
    made.receive(frames.window_update(0, 1))
    assert said(made) == []
    made.go_on()
    assert sum(len(payload) for _, _, _, payload in said(made)) == 30_000
    assert told.said[-1] == ("writable", 1)


def test_who_reads_nothing_and_asks_on_is_left() -> None:
    made, told = connected()
    made.hold()
    with pytest.raises(Broken, match="not read"):
        for stream in range(1, 1_000_001, 2):
            made.receive(opened(stream, frames.END_STREAM))
            made.end(stream, b"\x88")
    assert len(told.said) < 100_000


@pytest.mark.parametrize("size", [0, 100, 4096])
def test_a_reader_that_made_its_table_smaller_hears_the_word_that_it_waits_for(size: int) -> None:
    decoder = Decoder()
    made, _ = connected(frames.settings({frames.SETTING_HEADER_TABLE: size}), opened(1), opened(3))
    decoder.max_allowed_table_size = size
    made.headers(1, b"\x88")
    made.end(1, b"\x88")
    made.end(3, b"\x88")
    blocks = [payload for kind, _, _, payload in said(made) if kind == frames.HEADERS]
    assert [[tuple(pair) for pair in decoder.decode(one, raw=True)] for one in blocks] == [[(b":status", b"200")]] * 3


def ends(finish: Callable[[Connection], None]) -> list[tuple[int, int]]:
    made, _ = connected(opened(1))
    finish(made)
    first = [(kind, stream) for kind, _, stream, _ in said(made)]
    finish(made)
    assert said(made) == []
    return first


def test_an_end_is_said_once() -> None:
    assert ends(lambda made: made.end(1, b"\x88")) == [(frames.HEADERS, 1), (frames.RST_STREAM, 1)]
    assert ends(lambda made: made.reset(1, Code.CANCEL)) == [(frames.RST_STREAM, 1)]


def test_who_leaves_answers_what_was_on_its_way_and_looks_at_nothing_new() -> None:
    made, told = connected(opened(1))
    made.warn_of_leaving()
    made.receive(opened(3))
    made.leave()
    made.receive(opened(5) + data(5, b"x") + frames.rst_stream(5, Code.CANCEL) + data(3, b"y"))
    assert [(one[0], one[1]) for one in told.said] == [("request", 1), ("request", 3), ("data", 3)]
    last = [payload[:4] for kind, _, _, payload in said(made) if kind == frames.GOAWAY]
    assert [int.from_bytes(one, "big") for one in last] == [frames.LARGEST_WINDOW, 3]


def test_what_is_sent_can_be_read_by_any_decoder() -> None:
    from extproc.transport import grpc_wire

    read = Decoder().decode(grpc_wire.FIRST_WORDS + grpc_wire.last_words(13, "100% «no»\n"), raw=True)
    assert [tuple(pair) for pair in read] == [
        (b":status", b"200"),
        (b"content-type", b"application/grpc"),
        (b"grpc-status", b"13"),
        (b"grpc-message", b"100%25 %C2%ABno%C2%BB%0A"),
    ]
