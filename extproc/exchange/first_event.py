"""The first event of a stream: an error, which is the next target's business, or the beginning of an answer.

Law: one reader for each framing that providers stream in. Half an event and signs of life say nothing yet; bytes
without one whole event up to the limit are no error, and go on.
"""

from collections.abc import Callable, Mapping
from typing import Final

from extproc.dialects import aws_event_stream, ndjson, sse
from extproc.dialects.openai.errors import is_error_event
from extproc.dialects.tolerant import decoded
from extproc.protocol.events import BodyEvent

LARGEST_HELD: Final = 64 * 1024

Judge = Callable[[bytes], bool | None]  # the bytes that came: an error? None: not known yet


class FirstEvent:
    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._held = 0

    def on_chunk(self, event: BodyEvent) -> bool | None:
        """Whether it is an error; None while nothing can be said."""
        self._held += len(event.data)
        said = self._judge(event.data)
        if said is not None:
            return said
        return False if event.end_of_stream or self._held >= LARGEST_HELD else None

    def at_end(self) -> bool:
        """No event has come."""
        return False


def first_event(kind: str) -> FirstEvent | None:
    """The reader for a stream of this content type; None: it is no stream that anybody could read."""
    make = _JUDGES.get(kind)
    return None if make is None else FirstEvent(make())


def _of_events() -> Judge:
    decoder = sse.Decoder()

    def judge(data: bytes) -> bool | None:
        said = [event for event in decoder.feed(data) if event.data is not None]
        return is_error_event(said[0]) if said else None

    return judge


def _of_lines() -> Judge:
    decoder = ndjson.Decoder(LARGEST_HELD)

    def judge(data: bytes) -> bool | None:
        lines = decoder.feed(data)
        if not lines:
            return None
        told = decoded(lines[0]) if isinstance(lines[0], bytes) else None
        return isinstance(told, dict) and "error" in told

    return judge


def _of_frames() -> Judge:
    decoder = aws_event_stream.Decoder(LARGEST_HELD)

    def judge(data: bytes) -> bool | None:
        frames = decoder.feed(data)
        if frames:
            return frames[0].text(":message-type") in ("exception", "error")
        return False if decoder.broken else None

    return judge


_JUDGES: Final[Mapping[str, Callable[[], Judge]]] = {
    "text/event-stream": _of_events,
    "application/x-ndjson": _of_lines,
    "application/vnd.amazon.eventstream": _of_frames,
}
