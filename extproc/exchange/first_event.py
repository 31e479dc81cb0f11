"""Failover on the first event: an attempt's answer is held until its first event is known to be no error.

Law: at most the first event is held; then the stream is ended cleanly and Envoy carries the rest alone. Response bodies
must not be read further here: Envoy 1.40 crashes on large ones in an upstream filter.
"""

from extproc import names
from extproc.dialects.openai.errors import first_event_is_error
from extproc.protocol.events import BodyEvent, HeadersEvent, TrailersEvent
from extproc.protocol.replies import BodyReply, HeaderEdit, HeadersReply, MoreTime, TrailersReply, Turn

LARGEST_HELD = 16 * 1024  # bytes without one whole event: it is no error event, let it go


class FirstEvent:
    def __init__(self, patience: float) -> None:
        """`patience`: seconds that the first event may take after the headers."""
        self._patience = patience
        self._held = b""

    def on(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Turn:
        if isinstance(event, HeadersEvent):
            kind = (event.headers.get("content-type") or "").partition(";")[0].strip().lower()
            streamed = event.headers.get(":status") == "200" and kind == "text/event-stream"
            if not streamed or event.end_of_stream:
                return Turn(HeadersReply("response"), done=True)
            return Turn(MoreTime(self._patience))  # held: Envoy sends the body without waiting for the headers' reply
        if isinstance(event, BodyEvent):
            return self._on_chunk(event)
        return Turn(TrailersReply("response"), done=True)

    def _on_chunk(self, event: BodyEvent) -> Turn:
        self._held += event.data
        verdict = first_event_is_error(self._held)
        if verdict is None and not event.end_of_stream and len(self._held) < LARGEST_HELD:
            return Turn(BodyReply("response"))
        if verdict:
            edit = HeaderEdit(set=((names.CTL_RETRY, "1"),))
            return Turn(HeadersReply("response", edit=edit), done=True)
        return Turn(HeadersReply("response"), done=True)
