"""The one final answer of an attended exchange: read, and changed where that was promised, on its way to the caller.

Law: only what must be read is asked for. A stream is read chunk by chunk and never held back; a whole answer is buffered
only when it says that it is small; everything else passes and the stream is ended.
"""

from extproc import names
from extproc.dialects.openai.usage import usage_of_answer
from extproc.facts.request import Facts
from extproc.money import Price, Usage, cost, dollars
from extproc.protocol.events import BodyEvent, HeadersEvent, TrailersEvent
from extproc.protocol.replies import BodyReply, HeaderEdit, HeadersReply, Modes, TrailersReply, Turn
from extproc.translation.pair import AnswerStream, Call, Pair

LARGEST_WHOLE = 512 * 1024  # bytes of an answer that is buffered to learn its cost before its headers leave


class AttendedAnswer:
    def __init__(self, pair: Pair, call: Call, facts: Facts, price: Price | None) -> None:
        self._pair = pair
        self._call = call
        self._facts = facts
        self._price = price
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
        kind = (headers.get("content-type") or "").partition(";")[0].strip().lower()
        if headers.get(":status") != "200" or event.end_of_stream or headers.get("content-encoding"):
            return Turn(HeadersReply("response"), done=True)
        if kind == "text/event-stream":
            self._stream = self._pair.stream(self._call)
            modes = Modes(response_headers=True, request_body="NONE", response_body="STREAMED")
            return Turn(HeadersReply("response", edit=HeaderEdit(remove=("content-length",)), modes=modes))
        length = headers.get("content-length") or ""
        if kind == "application/json" and length.isdigit() and int(length) <= LARGEST_WHOLE:
            modes = Modes(response_headers=True, request_body="NONE", response_body="BUFFERED")
            return Turn(HeadersReply("response", modes=modes))
        return Turn(HeadersReply("response"), done=True)

    def _on_stream(self, event: BodyEvent) -> Turn:
        assert self._stream is not None
        changed = self._stream.feed(event.data)
        if event.end_of_stream:
            changed += self._stream.finish()
            self.usage = self._stream.usage
        body = None if changed == event.data else changed
        return Turn(BodyReply("response", body=body, metadata=self._told()), done=event.end_of_stream)

    def _on_whole(self, event: BodyEvent) -> Turn:
        self.usage = usage_of_answer(event.data)
        edit = HeaderEdit()
        if self.usage is not None and self._price is not None:
            edit = HeaderEdit(set=((names.COST, dollars(cost(self.usage, self._price))),))
        return Turn(BodyReply("response", edit=edit, metadata=self._told()), done=True)

    def _told(self) -> dict[str, dict[str, object]]:
        """What was counted, for the access log: an attended exchange settles by what passed here."""
        if self.usage is None:
            return {}
        counted = self.usage
        return {
            names.META_USAGE: {
                names.U_COUNTED: {
                    "input": counted.input,
                    "output": counted.output,
                    "cached_input": counted.cached_input,
                    "cache_write": counted.cache_write,
                    "reasoning": counted.reasoning,
                }
            }
        }
