"""The stream of one upstream's error: nobody read it before, and it may be none that a caller should see.

Law: the headers and a small body are read, then it is either replaced or let go untouched. A body that is larger, or
of an encoding that we do not know, is not looked at: its status says enough.
"""

from extproc import names
from extproc.exchange.desk import Desk
from extproc.exchange.mapped_errors import LARGEST_READ, error_bytes, mapped
from extproc.protocol.events import BodyEvent, HeadersEvent, TrailersEvent
from extproc.protocol.replies import BodyReply, HeadersReply, ImmediateReply, Modes, TrailersReply, Turn

_READ_BODY = Modes(response_headers=True, request_body="NONE", response_body="BUFFERED_PARTIAL")


class ErrorExchange:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.id = ""  # the exchange's, once it is known
        self._seen: HeadersEvent | None = None

    async def on(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Turn:
        if isinstance(event, HeadersEvent):
            return self._on_headers(event)
        if isinstance(event, BodyEvent) and self._seen is not None:
            body = error_bytes(event, self._seen.headers.firsts())
            return Turn(self._replaced(self._seen, body) or BodyReply("response"), done=True)
        return Turn(TrailersReply("response"), done=True)

    def closed(self) -> None:
        """Nothing is held here."""

    def _on_headers(self, event: HeadersEvent) -> Turn:
        self.id = str(event.context.metadata.get(names.META, {}).get(names.M_ID, ""))
        self._seen = event
        length = event.headers.get("content-length") or ""
        if event.end_of_stream or (length.isdecimal() and int(length) > LARGEST_READ):
            return Turn(self._replaced(event, b"") or HeadersReply("response"), done=True)
        return Turn(HeadersReply("response", modes=_READ_BODY))

    def _replaced(self, seen: HeadersEvent, body: bytes) -> ImmediateReply | None:
        """What the caller gets in its stead; None: it goes on as it is."""
        headers = seen.headers.firsts()
        decision = seen.context.metadata.get(names.META, {})
        status = int(headers.get(":status") or 502)
        return mapped(decision, seen.context.attributes, status, headers, body, self._desk)
