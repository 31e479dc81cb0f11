"""A provider's stream read frame by frame, whatever frames it has: what all translated streams have in common.

Law: any split of the bytes gives the same caller's bytes. Nothing raises; nothing is written behind the end or a
failure. A frame over the limit, a frame that is no object, and an end that nobody announced are failures.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final, Protocol

from extproc.dialects import sse
from extproc.dialects.ndjson import LIMIT, TOO_LARGE, TooLarge
from extproc.dialects.openai.chunks import ChunkWriter
from extproc.dialects.openai.stamp import Stamp
from extproc.dialects.tolerant import decoded
from extproc.dialects.upstream_error import SHOWN, UpstreamError
from extproc.money import Usage
from extproc.refusal import Reason, Refusal
from extproc.translation.pair import Call, Destination, stamp_of

KEEP_ALIVE: Final = b": keep-alive\n\n"
NAMELESS: Final = "a call in it names no tool."
LARGEST_HELD: Final = 1 << 24  # letters of an answer that cannot be let go yet
_DONE: Final = b"[DONE]"
_COMMENT: Final = b":"

Frame = bytes | TooLarge


class Frames(Protocol):
    """Bytes in, frames out. An empty one is a sign of life."""

    def feed(self, data: bytes) -> list[Frame]: ...

    def rest(self) -> list[Frame]: ...


class EventFrames:
    """The data of server-sent events."""

    __slots__ = ("_decoder", "_limit")

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._decoder = sse.Decoder(limit)

    def feed(self, data: bytes) -> list[Frame]:
        return [frame for event in self._decoder.feed(data) if (frame := self._frame(event)) is not None]

    def rest(self) -> list[Frame]:
        """An event that the last empty line is missing of: some servers save it."""
        rest = self._decoder.rest()
        frame = self._frame(sse.parse(rest, rest))
        return [] if frame is None else [frame]

    def _frame(self, event: sse.Event) -> Frame | None:
        if event.data is not None:
            return event.data
        if event.more_of_last:
            return None
        if len(event.raw) > self._limit:
            return TOO_LARGE
        return b"" if event.raw.startswith(_COMMENT) else None


class ReadStream(ABC):
    """What a provider's own stream adds: `_on` for each object, `_on_end` for the provider's clean end."""

    __slots__ = ("_call", "_frames", "_to", "_writer", "failure", "usage")

    def __init__(self, call: Call, to: Destination, frames: Frames) -> None:
        self.usage: Usage | None = None
        self.failure: Refusal | None = None
        self._call = call
        self._to = to
        self._frames = frames
        self._writer: ChunkWriter | None = None

    def feed(self, data: bytes) -> bytes:
        return b"" if self._ended else self._read(self._frames.feed(data))

    def finish(self) -> bytes:
        if self._ended:
            return b""
        last = self._read(self._frames.rest())
        return last if self._ended else last + self._on_end()

    @abstractmethod
    def _on(self, told: Mapping[str, Any]) -> bytes: ...

    def _on_end(self) -> bytes:
        """`[DONE]`, or the end of the bytes."""
        return self._garbled("the provider's stream ended in the middle of the answer.")

    def _read(self, frames: list[Frame]) -> bytes:
        out = b""
        for frame in frames:
            if self._ended:
                break
            out += self._of(frame)
        return out

    def _of(self, frame: Frame) -> bytes:
        if isinstance(frame, TooLarge):
            return self._garbled("a piece of the provider's stream is larger than any answer.")
        if not frame:
            return KEEP_ALIVE
        if frame.strip() == _DONE:
            return self._on_end()
        told = decoded(frame)
        if not isinstance(told, dict):
            return self._garbled("a piece of the provider's stream is no JSON object.")
        return self._on(told)

    @property
    def _ended(self) -> bool:
        return self._writer is not None and self._writer.ended

    def _write(self, model: str = "", created: int | None = None) -> ChunkWriter:
        """The writer; the first piece of the answer decides what stands in all."""
        if self._writer is None:
            stamp = stamp_of(self._call, model or self._to.model)
            stamp = Stamp(stamp.id, created or stamp.created, stamp.model)
            self._writer = ChunkWriter(stamp, self._call.usage_asked)
        return self._writer

    def _failed(self, said: UpstreamError | str) -> bytes:
        """The provider said so. A class that has a name of its own is told by it, as that of a whole error is."""
        if isinstance(said, str):
            return self._fail(Refusal(Reason.UPSTREAM_ERROR, said))
        self.failure = Refusal(Reason.UPSTREAM_ERROR, said.shown_message)
        return self._write().fail(self.failure, said if SHOWN[said.kind].code is not None else None)

    def _garbled(self, what: str) -> bytes:
        return self._fail(Refusal(Reason.UPSTREAM_GARBLED, f"The answer cannot be read on: {what}"))

    def _fail(self, refusal: Refusal) -> bytes:
        self.failure = refusal
        return self._write().fail(refusal)


class CallPieces:
    """Tool calls of one choice, one after the other, whose arguments may come in pieces: each has some in the end."""

    __slots__ = ("_bare", "_choice", "_index", "begun")

    def __init__(self, choice: int = 0) -> None:
        self.begun = 0
        self._choice = choice
        self._index = 0
        self._bare = False  # a call is open, and nothing of its arguments has come

    def begin(self, writer: ChunkWriter, id_: str, name: str, arguments: str) -> bytes:
        before = self.close(writer)
        self.begun += 1
        self._bare = not arguments.strip()
        self._index, out = writer.call(id_, name, "" if self._bare else arguments, self._choice)
        return before + out

    def piece(self, writer: ChunkWriter, arguments: str) -> bytes:
        self._bare = self._bare and not arguments.strip()
        return writer.arguments(self._index, arguments, self._choice)

    def close(self, writer: ChunkWriter) -> bytes:
        if not self._bare:
            return b""
        self._bare = False
        return writer.arguments(self._index, "{}", self._choice)


class HeldWords:
    """Text that waits until it is known whether it is the answer. Who never lets go of it is bounded."""

    __slots__ = ("_pieces", "_size")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0

    def keep(self, text: str) -> bool:
        """False: it is larger than any answer."""
        self._pieces.append(text)
        self._size += len(text)
        return self._size <= LARGEST_HELD

    def take(self) -> str:
        held = "".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return held
