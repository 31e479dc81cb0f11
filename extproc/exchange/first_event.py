"""The first event of a stream: an error, which is the next target's business, or the beginning of an answer."""

from typing import Final

from extproc.dialects import sse
from extproc.dialects.openai.errors import is_error_event
from extproc.protocol.events import BodyEvent

LARGEST_HELD: Final = 64 * 1024  # bytes without one whole event: that is no error event, let it go


class FirstEvent:
    def __init__(self) -> None:
        self._decoder = sse.Decoder()
        self._held = 0

    def on_chunk(self, event: BodyEvent) -> bool | None:
        """Whether it is an error; None while there are comments only, or half an event."""
        self._held += len(event.data)
        said = [one for one in self._decoder.feed(event.data) if one.data is not None]
        if said:
            return is_error_event(said[0])
        return False if event.end_of_stream or self._held >= LARGEST_HELD else None

    def at_end(self) -> bool:
        """No event has come."""
        return False
