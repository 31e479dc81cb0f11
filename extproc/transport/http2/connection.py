"""The server's side of one HTTP/2 connection, without I/O.

Law: bytes come in by `receive` in any pieces, calls go to the owner in their order, bytes to be written are taken by
`take`. What the other side may not do ends the connection with its reason (`Broken`, after a GOAWAY that is still to be
written); what goes wrong in one stream ends that stream. Nothing the other side sends makes memory grow without bound:
header blocks, frames and each stream's unread bytes have limits.
"""

from typing import Final, Protocol

from hpack import Decoder
from hpack.exceptions import HPACKError

from extproc.transport.http2 import frames
from extproc.transport.http2.frames import Code
from extproc.transport.http2.sending import Sending

HeaderList = tuple[tuple[bytes, bytes], ...]

MAX_STREAMS: Final = 100_000  # streams of open exchanges; Envoy opens another connection beyond it
WINDOW: Final = 1024 * 1024  # what a stream may send before anything of it is read
MAX_FRAME: Final = 256 * 1024
HEADER_LIMIT: Final = 64 * 1024  # of one block, packed and unpacked
_CONTROL_BACKLOG: Final = 1024 * 1024  # of answers to PING and SETTINGS that nobody reads
_WORDS_UNREAD: Final = 50_000  # of all else that nobody reads, when new streams are opened
_FIRST_WORDS: Final = frames.settings(
    {
        frames.SETTING_MAX_STREAMS: MAX_STREAMS,
        frames.SETTING_INITIAL_WINDOW: WINDOW,
        frames.SETTING_MAX_FRAME: MAX_FRAME,
        frames.SETTING_MAX_HEADER_LIST: HEADER_LIMIT,
    }
) + frames.window_update(0, frames.LARGEST_WINDOW - frames.DEFAULT_WINDOW)  # each stream has a limit
_SETTINGS_ACK: Final = frames.frame(frames.SETTINGS, frames.ACK, 0)
_POINTS: Final = 0x80  # a byte from here on is a header by its place in the table (RFC 7541, 6.1)
_POINTS_FURTHER: Final = 0xFF  # and with this one it goes on in the next byte
_KNOWN_AT_MOST: Final = 256
_REPLENISH: Final = 64 * 1024 * 1024


class Broken(Exception):
    """The connection cannot go on; a GOAWAY with the reason has been queued."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code


class Owner(Protocol):
    """Who is told what the other side said."""

    def request(self, stream: int, headers: HeaderList, *, over: bool) -> None: ...

    def data(self, stream: int, data: bytes, *, over: bool) -> None: ...

    def reset(self, stream: int) -> None:
        """The other side gave the stream up."""
        ...

    def writable(self, stream: int) -> None:
        """All that was said on it has been handed over."""
        ...

    def ponged(self, payload: bytes) -> None: ...


class Connection:
    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._decoder = Decoder(max_header_list_size=HEADER_LIMIT)
        self._known: dict[bytes, HeaderList] = {}  # blocks that only point into the table as it is
        self._inbox = bytearray()
        self._awaiting_preface = True
        self._last_stream = 0  # that was taken
        self._highest = 0  # that was spoken of
        self._open: dict[int, int] = {}  # by stream: bytes that it may still send; absent: closed by the other side
        self._block: tuple[int, int, bytearray] | None = None  # headers that go on in the next frame
        self._received = 0  # since the connection's window was last opened again
        self._leaving = False  # new streams are not taken any more
        self._sending = Sending(owner.writable)
        self._control = 0
        self._sending.write(_FIRST_WORDS)

    # --- what comes in -----------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        buffer: bytes | bytearray = data
        if self._inbox:
            self._inbox += data
            buffer = self._inbox
        try:
            read = self._read(buffer)
        except Broken as broken:
            self._sending.write(frames.goaway(self._last_stream, broken.code, str(broken).encode()))
            raise
        if buffer is self._inbox:
            del self._inbox[:read]
        elif read < len(buffer):
            self._inbox += buffer[read:]

    def _read(self, buffer: bytes | bytearray) -> int:
        """Everything that is there whole; how many bytes that was."""
        at = 0
        if self._awaiting_preface:
            begun = bytes(buffer[: len(frames.PREFACE)])
            if not frames.PREFACE.startswith(begun):
                raise Broken(Code.PROTOCOL_ERROR, "this is no HTTP/2")
            if len(begun) < len(frames.PREFACE):
                return 0
            self._awaiting_preface = False
            at = len(frames.PREFACE)
        end = len(buffer)
        while end - at >= frames.HEAD_SIZE:
            length, kind, flags, stream = frames.head_of(buffer, at)
            if length > MAX_FRAME:
                raise Broken(Code.FRAME_SIZE_ERROR, "a frame is too large")
            behind = at + frames.HEAD_SIZE + length
            if behind > end:
                break
            self._frame(kind, flags, stream, bytes(buffer[at + frames.HEAD_SIZE : behind]))
            at = behind
        return at

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if self._block is not None and (kind != frames.CONTINUATION or stream != self._block[0]):
            raise Broken(Code.PROTOCOL_ERROR, "a header block is interrupted")
        if kind == frames.DATA:
            self._data(flags, stream, payload)
        elif kind == frames.HEADERS:
            self._headers(flags, stream, payload)
        elif kind == frames.WINDOW_UPDATE:
            self._window_update(stream, payload)
        elif kind == frames.RST_STREAM:
            self._rst_stream(stream, payload)
        elif kind == frames.SETTINGS:
            self._settings(flags, stream, payload)
        elif kind == frames.PING:
            self._ping(flags, stream, payload)
        elif kind == frames.CONTINUATION:
            self._continuation(flags, payload)
        elif kind == frames.PUSH_PROMISE:
            raise Broken(Code.PROTOCOL_ERROR, "a client pushes nothing")
        # PRIORITY and what is unknown mean nothing here; after a GOAWAY of the client open streams go on

    def _data(self, flags: int, stream: int, payload: bytes) -> None:
        size = len(payload)
        self._received += size
        if self._received >= _REPLENISH:
            self._sending.write(frames.window_update(0, self._received))
            self._received = 0
        if stream == 0 or stream > self._highest:
            raise Broken(Code.PROTOCOL_ERROR, "data for a stream that was never opened")
        if stream not in self._open:
            return  # it was on its way when the stream ended
        self._open[stream] -= size
        if self._open[stream] < 0:
            raise Broken(Code.FLOW_CONTROL_ERROR, "a stream sends more than it may")
        if flags & frames.PADDED:
            padded = size
            payload = _unpadded(payload)
            self.read(stream, padded - len(payload))
        over = bool(flags & frames.END_STREAM)
        if over:
            del self._open[stream]
        self._owner.data(stream, payload, over=over)

    def _headers(self, flags: int, stream: int, payload: bytes) -> None:
        if stream % 2 == 0:
            raise Broken(Code.PROTOCOL_ERROR, "clients open streams of odd numbers")
        if flags & frames.PADDED:
            payload = _unpadded(payload)
        if flags & frames.WITH_PRIORITY:
            if len(payload) < 5:
                raise Broken(Code.FRAME_SIZE_ERROR, "a priority is cut short")
            payload = payload[5:]
        if len(payload) > HEADER_LIMIT:
            raise Broken(Code.ENHANCE_YOUR_CALM, "a header block is too long")
        if flags & frames.END_HEADERS:
            self._block_is_whole(flags, stream, payload)
        else:
            self._block = (stream, flags, bytearray(payload))

    def _continuation(self, flags: int, payload: bytes) -> None:
        if self._block is None:
            raise Broken(Code.PROTOCOL_ERROR, "nothing is to be continued")
        stream, first_flags, block = self._block
        block += payload
        if len(block) > HEADER_LIMIT or not payload:  # empty ones would never reach a limit
            raise Broken(Code.ENHANCE_YOUR_CALM, "a header block is too long")
        if flags & frames.END_HEADERS:
            self._block = None
            self._block_is_whole(first_flags, stream, bytes(block))

    def _block_is_whole(self, flags: int, stream: int, block: bytes) -> None:
        headers = self._known.get(block)
        if headers is None:
            headers = self._unpacked(block)
        over = bool(flags & frames.END_STREAM)
        if stream in self._open:
            self._trailers(stream, over=over)
        elif stream > self._highest:
            self._new_stream(stream, headers, over=over)
        # else: it was on its way when the stream ended

    def _unpacked(self, block: bytes) -> HeaderList:
        try:
            headers = tuple((name, value) for name, value in self._decoder.decode(block, raw=True))
        except (HPACKError, IndexError) as error:
            raise Broken(Code.COMPRESSION_ERROR, "a header block cannot be read") from error
        if len(self._known) < _KNOWN_AT_MOST and all(_POINTS <= byte < _POINTS_FURTHER for byte in block):
            self._known[block] = headers  # Envoy says the same of almost every stream: half a stream's cost
        else:
            self._known.clear()  # it may have changed the table, or these are too many
        return headers

    def _trailers(self, stream: int, *, over: bool) -> None:
        if not over:
            raise Broken(Code.PROTOCOL_ERROR, "headers in the middle of a stream")
        del self._open[stream]
        self._owner.data(stream, b"", over=True)

    def _new_stream(self, stream: int, headers: HeaderList, *, over: bool) -> None:
        self._highest = stream
        if self._leaving:
            return  # the GOAWAY told the client that nobody looks at it
        self._last_stream = stream
        if self._sending.held and self._sending.unread_words > _WORDS_UNREAD:
            raise Broken(Code.ENHANCE_YOUR_CALM, "answers are not read")
        if self._sending.streams >= MAX_STREAMS:
            self._sending.write(frames.rst_stream(stream, Code.REFUSED_STREAM))
            return
        self._sending.open(stream)
        if not over:
            self._open[stream] = WINDOW
        self._owner.request(stream, headers, over=over)

    def _window_update(self, stream: int, payload: bytes) -> None:
        _exactly(payload, 4)
        more = frames.number_in(payload) & frames.LARGEST_WINDOW
        if more == 0:
            raise Broken(Code.PROTOCOL_ERROR, "a window is opened by nothing")
        if not self._sending.more(stream, more):
            raise Broken(Code.FLOW_CONTROL_ERROR, "a window is opened too far")

    def _rst_stream(self, stream: int, payload: bytes) -> None:
        _exactly(payload, 4)
        if stream == 0 or stream > self._highest:
            raise Broken(Code.PROTOCOL_ERROR, "a stream is given up that was never opened")
        self._open.pop(stream, None)
        if self._sending.forget(stream):
            self._owner.reset(stream)

    def _settings(self, flags: int, stream: int, payload: bytes) -> None:
        if stream != 0:
            raise Broken(Code.PROTOCOL_ERROR, "settings are the connection's")
        if flags & frames.ACK:
            return
        if len(payload) % 6:
            raise Broken(Code.FRAME_SIZE_ERROR, "settings are cut short")
        for name, value in frames.settings_in(payload):
            if name == frames.SETTING_INITIAL_WINDOW:
                if value > frames.LARGEST_WINDOW or not self._sending.first_window(value):
                    raise Broken(Code.FLOW_CONTROL_ERROR, "a window is opened too far")
            elif name == frames.SETTING_HEADER_TABLE:
                if value < frames.DEFAULT_HEADER_TABLE:
                    self._sending.table_shrinks()
            elif name == frames.SETTING_MAX_FRAME:
                if not frames.SMALLEST_MAX_FRAME <= value <= frames.LARGEST_MAX_FRAME:
                    raise Broken(Code.PROTOCOL_ERROR, "no frame may be so large")
                self._sending.max_frame = value
        self._answer(_SETTINGS_ACK)

    def _ping(self, flags: int, stream: int, payload: bytes) -> None:
        _exactly(payload, 8)
        if stream != 0:
            raise Broken(Code.PROTOCOL_ERROR, "a ping is the connection's")
        if flags & frames.ACK:
            self._owner.ponged(payload)
        else:
            self._answer(frames.frame(frames.PING, frames.ACK, 0, payload))

    def _answer(self, data: bytes) -> None:
        """To what asks for an answer, and could ask for ever without reading any."""
        self._control += len(data)
        if self._control > _CONTROL_BACKLOG:
            raise Broken(Code.ENHANCE_YOUR_CALM, "answers are not read")
        self._sending.write(data)

    # --- what goes out -----------------------------------------------------------------------------------------------

    def take(self) -> bytes:
        """All that may be written now."""
        self._control = 0
        return self._sending.take()

    def hold(self) -> None:
        """The other side does not read what it was sent: nothing is taken until `go_on`, and no stream says more."""
        self._sending.held = True

    def go_on(self) -> None:
        self._sending.go_on()

    @property
    def has_words(self) -> bool:
        return self._sending.has_words

    def headers(self, stream: int, block: bytes) -> None:
        """The first words on a stream; `block` is packed without the table that both sides share."""
        self._sending.headers(stream, block)

    def say(self, stream: int, data: bytes) -> bool:
        """Whether all of it went out; else `writable` tells when it has."""
        return self._sending.say(stream, data)

    def end(self, stream: int, block: bytes) -> None:
        """The last words: trailers, behind everything that still waits."""
        code = Code.NO_ERROR if self._open.pop(stream, None) is not None else None
        self._sending.end(stream, block, stop=code)

    def reset(self, stream: int, code: Code) -> None:
        self._open.pop(stream, None)
        if self._sending.forget(stream):
            self._sending.write(frames.rst_stream(stream, code))

    def read(self, stream: int, size: int) -> None:
        """So much of a stream was taken in: the other side may send that much more."""
        if size and stream in self._open:
            self._open[stream] += size
            self._sending.write(frames.window_update(stream, size))

    def ping(self, payload: bytes) -> None:
        self._sending.write(frames.frame(frames.PING, 0, 0, payload))

    def warn_of_leaving(self) -> None:
        """No new streams, please; those on their way are still taken."""
        self._sending.write(frames.goaway(frames.LARGEST_WINDOW, Code.NO_ERROR))

    def leave(self) -> None:
        """From here on new streams are not looked at."""
        self._leaving = True
        self._sending.write(frames.goaway(self._last_stream, Code.NO_ERROR))


def _unpadded(payload: bytes) -> bytes:
    if not payload or payload[0] >= len(payload):
        raise Broken(Code.PROTOCOL_ERROR, "more padding than frame")
    return payload[1 : len(payload) - payload[0]]


def _exactly(payload: bytes, size: int) -> None:
    if len(payload) != size:
        raise Broken(Code.FRAME_SIZE_ERROR, "a frame has the wrong size")
