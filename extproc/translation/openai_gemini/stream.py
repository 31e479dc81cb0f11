"""A stream of GenerateContentResponses as chunks of the OpenAI dialect.

Law: there is no word for the end but a `finishReason`, and earlier models put one into every piece: the last one counts
when the bytes end, and without one the answer was cut off. A stream that comes as a JSON array is read like one of
events.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, TypeGuard

from extproc.dialects import json_objects
from extproc.dialects.gemini import ORIGIN, broken, finish_of
from extproc.dialects.gemini_response import (
    CalledTool,
    Candidate,
    Media,
    Piece,
    SaidText,
    ThoughtText,
    read_response,
)
from extproc.dialects.openai.chat import Thought
from extproc.dialects.openai.chunks import ChunkWriter
from extproc.dialects.openai.completion import FinishReason
from extproc.dialects.openai.token_logprobs import logprobs_of
from extproc.dialects.sse import Event
from extproc.translation.openai_gemini.answer import call_thought, image_url, last_usage, made_call, spoken
from extproc.translation.pair import Call, Destination
from extproc.translation.read_stream import EventFrames, Frame, Frames, ReadStream

_SPACE: Final = b" \t\r\n"


class _Events(EventFrames):
    """Errors come as an array inside an event, or as bare JSON between events."""

    __slots__ = ()

    def feed(self, data: bytes) -> list[Frame]:
        return _unwrapped(super().feed(data))

    def rest(self) -> list[Frame]:
        return _unwrapped(super().rest())

    def _frame(self, event: Event) -> Frame | None:
        if event.data is None and not event.more_of_last and event.raw.lstrip()[:1] in (b"[", b"{"):
            return event.raw
        return super()._frame(event)


def _unwrapped(frames: list[Frame]) -> list[Frame]:
    return [inner for frame in frames for inner in (_inside(frame) if _is_array(frame) else (frame,))]


def _is_array(frame: Frame) -> TypeGuard[bytes]:
    return isinstance(frame, bytes) and frame.lstrip()[:1] == b"[" and frame.strip() != b"[DONE]"


def _inside(array: bytes) -> list[Frame]:
    decoder = json_objects.Decoder()
    return decoder.feed(array) + decoder.rest()


class GeminiFrames:
    """Events, or a JSON array: the first letter tells."""

    __slots__ = ("_inner",)

    def __init__(self) -> None:
        self._inner: Frames | None = None

    def feed(self, data: bytes) -> list[Frame]:
        if self._inner is None:
            data = data.lstrip(_SPACE)
            if not data:
                return []
            self._inner = json_objects.Decoder() if data[:1] in b"[{" else _Events()
        return self._inner.feed(data)

    def rest(self) -> list[Frame]:
        return [] if self._inner is None else self._inner.rest()


class GeminiStream(ReadStream):
    __slots__ = ("_blocked", "_calls", "_finishes", "_signatures")

    def __init__(self, call: Call, to: Destination) -> None:
        super().__init__(call, to, GeminiFrames())
        self._finishes: dict[int, str | None] = {}  # by choice; None: it has begun
        self._signatures: dict[int, str] = {}  # of text, for the end
        self._calls: dict[int, int] = {}
        self._blocked = False

    def _on(self, told: Mapping[str, Any]) -> bytes:
        response = read_response(told)
        self.usage = last_usage(self.usage, response)
        if self.usage is not None:  # its first pieces may tell the input alone: who leaves there was given more
            self.usage = replace(self.usage, estimated=self.usage.output == 0)
        if response.error is not None:
            return self._failed(response.error)
        self._blocked = self._blocked or response.blocked is not None
        writer = self._write(response.model)
        out = b""
        for candidate in response.candidates:
            out += self._on_candidate(writer, candidate)
            why = broken(candidate.finish or "")
            if why is not None:
                return out + self._failed(why)
        return out

    def _on_candidate(self, writer: ChunkWriter, candidate: Candidate) -> bytes:
        index = candidate.index
        self._finishes[index] = candidate.finish or self._finishes.get(index)
        out = writer.begin(index)
        logprobs = logprobs_of(list(candidate.logprobs))
        for piece in candidate.pieces:
            told = logprobs if isinstance(piece, SaidText) else None
            out += self._on_piece(writer, piece, index, told)
            logprobs = None if told is not None else logprobs
        return out + writer.text("", index, logprobs)

    def _on_piece(self, writer: ChunkWriter, piece: Piece, index: int, logprobs: Mapping[str, Any] | None) -> bytes:
        match piece:
            case SaidText() | ThoughtText():
                if piece.signature is not None:
                    self._signatures[index] = piece.signature
                if isinstance(piece, ThoughtText):
                    return writer.thinking(piece.text, index)
                return writer.text(piece.text, index, logprobs)
            case CalledTool():
                return self._on_call(writer, piece, index)
            case Media():
                return self._on_media(writer, piece, index)

    def _on_call(self, writer: ChunkWriter, piece: CalledTool, index: int) -> bytes:
        """Whole, in one piece."""
        place = self._calls.get(index, 0)
        self._calls[index] = place + 1
        made = made_call(self._call, piece, place, index)
        _, out = writer.call(made.id, made.name, made.arguments, index, made.signature)
        thought = call_thought(made.signature)
        return out if thought is None else out + writer.thought(thought, index)

    def _on_media(self, writer: ChunkWriter, piece: Media, index: int) -> bytes:
        url = image_url(piece)
        if url is not None:
            return writer.image(url, index)
        audio = spoken(self._call, [piece], whole=False)
        return b"" if audio is None else writer.audio(audio, index)

    def _on_end(self) -> bytes:
        if not self._finishes and not self._blocked:
            return super()._on_end()
        if not self._blocked and any(finish is None for finish in self._finishes.values()):
            return super()._on_end()
        if self.usage is not None:
            self.usage = replace(self.usage, estimated=False)
        writer = self._write()
        out = b""
        for index in sorted(self._finishes) or (0,):
            signature = self._signatures.get(index)
            if signature is not None:
                out += writer.thought(Thought(signature=signature, origin=ORIGIN), index)
            out += writer.finish(self._finish(index), index)
        return out + writer.end(self.usage)

    def _finish(self, index: int) -> FinishReason:
        told = self._finishes.get(index)
        return "content_filter" if told is None else finish_of(told)
