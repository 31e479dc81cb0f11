"""The one final answer of an attended exchange: read, and changed where that was promised, on its way to the caller.

Law: only what must be read is asked for. A stream is read chunk by chunk and never held; a whole answer is buffered
only when it says that it is small; everything else passes and the stream is ended.
"""

from extproc import names
from extproc.decision.lookup import price_of
from extproc.decision.plan import Plan
from extproc.dialects.openai.usage import find_usage
from extproc.money import Price, Usage, cost, dollars
from extproc.protocol.events import BodyEvent, HeadersEvent, TrailersEvent
from extproc.protocol.replies import BodyReply, HeaderEdit, HeadersReply, Modes, TrailersReply, Turn
from extproc.snapshot import Provider, Snapshot
from extproc.translation.pair import AnswerStream, Call
from extproc.translation.registry import pair_for

LARGEST_WHOLE = 512 * 1024  # bytes of an answer that is buffered to learn its cost before its headers leave


class AttendedAnswer:
    def __init__(self, plan: Plan, endpoint: str, ask_usage: bool, snapshot: Snapshot) -> None:
        """Reads the answer of whichever target of the plan will have answered."""
        self._plan = plan
        self._call = Call(endpoint=endpoint, stream=True, ask_usage=ask_usage)
        self._snapshot = snapshot
        self._price: Price | None = None
        self._stream: AnswerStream | None = None
        self.usage: Usage | None = None

    def on(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Turn:
        if isinstance(event, HeadersEvent):
            return self._on_headers(event)
        if isinstance(event, BodyEvent):
            return self._on_stream(event) if self._stream is not None else self._on_whole(event)
        return Turn(TrailersReply("response"), done=True)

    def _on_headers(self, event: HeadersEvent) -> Turn:
        headers = event.headers
        provider = self._winner(event)
        pair = pair_for("openai", provider.dialect) if provider is not None else None
        if pair is None:
            return Turn(HeadersReply("response"), done=True)
        kind = (headers.get("content-type") or "").partition(";")[0].strip().lower()
        if headers.get(":status") != "200" or event.end_of_stream or headers.get("content-encoding"):
            return Turn(HeadersReply("response"), done=True)
        if kind == "text/event-stream":
            self._stream = pair.stream(self._call)
            modes = Modes(response_headers=True, request_body="NONE", response_body="STREAMED")
            return Turn(HeadersReply("response", edit=HeaderEdit(remove=("content-length",)), modes=modes))
        length = headers.get("content-length") or ""
        if kind == "application/json" and length.isdecimal() and int(length) <= LARGEST_WHOLE:
            modes = Modes(response_headers=True, request_body="NONE", response_body="BUFFERED")
            return Turn(HeadersReply("response", modes=modes))
        return Turn(HeadersReply("response"), done=True)

    def _winner(self, event: HeadersEvent) -> Provider | None:
        """The provider whose attempt Envoy counted last; its price is noted on the way."""
        attempt = int(event.context.attributes.get(names.ATTR_ATTEMPT, 0))
        if not 1 <= attempt <= len(self._plan.steps):
            return None
        target = self._plan.steps[attempt - 1].target
        provider = self._snapshot.providers[target.provider]
        self._price = price_of(provider, target.model)
        return provider

    def _on_stream(self, event: BodyEvent) -> Turn:
        assert self._stream is not None
        changed = self._stream.feed(event.data)
        if event.end_of_stream:
            changed += self._stream.finish()
        news = self._stream.usage != self.usage  # told at once: the caller may leave before the end
        self.usage = self._stream.usage
        # Only where something is to be hidden do bytes wait for the end of their event; else each passes as it came.
        body = None if changed == event.data or not self._call.ask_usage else changed
        metadata = self._told() if news or event.end_of_stream else {}
        return Turn(BodyReply("response", body=body, metadata=metadata), done=event.end_of_stream)

    def _on_whole(self, event: BodyEvent) -> Turn:
        self.usage = find_usage(event.data)
        edit = HeaderEdit()
        if self.usage is not None and self._price is not None:
            edit = HeaderEdit(set=((names.COST, dollars(cost(self.usage, self._price))),))
        return Turn(BodyReply("response", edit=edit, metadata=self._told()), done=True)

    def _told(self) -> dict[str, dict[str, object]]:
        """What was counted, for the access log: an attended exchange settles by what passed here."""
        if self.usage is None:
            return {}
        return {names.META_USAGE: {names.U_COUNTED: self.usage.as_numbers()}}
