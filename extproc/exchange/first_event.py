"""Failover on the first event: an attempt's answer is held until its first event is known to be no error.

Law: at most the first event is held; then the stream is ended cleanly and Envoy carries the rest alone. Response bodies
must not be read further here: Envoy 1.40 crashes on large ones in an upstream filter.
"""

from extproc import names
from extproc.dialects import sse
from extproc.dialects.openai.errors import is_error_event
from extproc.protocol.events import BodyEvent, HeadersEvent, TrailersEvent
from extproc.protocol.replies import HeaderEdit, HeadersReply, MoreTime, Turn

LARGEST_HELD = 64 * 1024  # bytes without one whole event: that is no error event, let it go
_RELEASE = Turn(HeadersReply("response"), done=True)
_NEXT_TARGET = Turn(HeadersReply("response", edit=HeaderEdit(set=((names.CTL_RETRY, "1"),))), done=True)


class FirstEvent:
    def __init__(self, patience: float) -> None:
        """`patience`: seconds that the first event may take after the headers."""
        self._patience = patience
        self._decoder = sse.Decoder()
        self._held = 0

    def on(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Turn:
        if isinstance(event, HeadersEvent):
            return self._on_headers(event)
        if isinstance(event, BodyEvent):
            return self._on_chunk(event)
        return _RELEASE  # trailers: no event has come, and the headers are owed

    def _on_headers(self, event: HeadersEvent) -> Turn:
        kind = (event.headers.get("content-type") or "").partition(";")[0].strip().lower()
        streamed = event.headers.get(":status") == "200" and kind == "text/event-stream"
        if not streamed or event.end_of_stream or event.headers.get("content-encoding"):
            return _RELEASE
        return Turn(MoreTime(self._patience))  # held: Envoy sends the body without waiting for this reply

    def _on_chunk(self, event: BodyEvent) -> Turn:
        self._held += len(event.data)
        said = [one for one in self._decoder.feed(event.data) if one.data is not None]
        if said:
            return _NEXT_TARGET if is_error_event(said[0]) else _RELEASE
        if event.end_of_stream or self._held >= LARGEST_HELD:
            return _RELEASE
        return Turn(MoreTime(self._patience))  # comments only, or half an event
