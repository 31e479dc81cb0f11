"""The readers of an attended answer: a stream, a whole answer, an error.

Law: a stream's bytes leave with the message that they came in; a whole answer and an error are held until they are
complete, so that what turns out to be no answer can still be a 502. Envoy holds them and hands them over at once; of
one that is too large it hands over the beginning.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from extproc import names
from extproc.dialects.inflate import Inflate, Uninflatable
from extproc.dialects.openai.as_stream import as_stream
from extproc.exchange.mapped_errors import caller_error, error_bytes
from extproc.money import Usage, cost, dollars
from extproc.protocol.events import BodyEvent
from extproc.protocol.replies import BodyReply, HeaderEdit, Metadata, Turn
from extproc.refusal import Reason, Refusal
from extproc.rewrite.refusals import immediate
from extproc.translation.pair import Answer, AnswerStream, Call, Destination, Pair

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
LARGE: Final = 256 * 1024  # bytes of an answer whose translation would keep others waiting: it goes to a thread
_OWN_FRAMING: Final = ("content-encoding", "transfer-encoding")


class StreamedAnswer:
    def __init__(self, stream: AnswerStream, *, changes: bool, inflate: Inflate | None = None) -> None:
        """`changes` False: the bytes pass as they come, and are only read."""
        self._stream = stream
        self._changes = changes
        self._inflate = inflate
        self._broken = False  # no more of it can be inflated, so no end of the answer ever comes: the stream says so

    async def on_body(self, event: BodyEvent) -> Turn:
        before = self._stream.usage
        changed = self._fed(event.data)
        if event.end_of_stream:
            changed += self._stream.finish()
        news = self._stream.usage != before  # told at once: the caller may leave before the end
        body = None if not self._changes or changed == event.data else changed
        metadata = self._told() if news or event.end_of_stream else {}
        return Turn(BodyReply("response", body=body, metadata=metadata), done=event.end_of_stream)

    def _fed(self, data: bytes) -> bytes:
        if self._broken:
            return b""
        try:
            return self._stream.feed(data if self._inflate is None else self._inflate.feed(data))
        except Uninflatable:
            self._broken = True
            return b""

    def _told(self) -> Metadata:
        told = dict(told_usage(self._stream.usage))
        if self._stream.failure is not None:
            usage = dict(told.get(names.META_USAGE, {}))
            told[names.META_USAGE] = {**usage, names.U_FAILED: self._stream.failure.reason.code}
        return told


class WholeAnswer:
    def __init__(self, pair: Pair, call: Call, to: Destination, inflate: Inflate | None = None) -> None:
        self._pair = pair
        self._call = call
        self._to = to
        self._inflate = inflate

    async def on_body(self, event: BodyEvent) -> Turn:
        if not event.end_of_stream:
            return refused("The provider's answer is larger than this gateway reads.", self._call.id)
        body = event.data
        if self._inflate is not None:
            try:
                body = self._inflate.feed(body)
            except Uninflatable as error:
                return refused(f"The provider's answer cannot be read: {error}.", self._call.id)
        answer = await self._answered(Answer(200, (), body))
        if isinstance(answer, Refusal):
            return refused(answer.message, self._call.id)
        return self._given(answer, body)

    async def _answered(self, given: Answer) -> Answer | Refusal:
        if len(given.body) > LARGE:
            return await asyncio.to_thread(self._pair.answer, self._call, self._to, given)
        return self._pair.answer(self._call, self._to, given)

    def _given(self, answer: Answer, body: bytes) -> Turn:
        edit = HeaderEdit(set=self._cost(answer.usage))
        written: bytes | None = None
        if self._pair.reads_answer(self._call, self._to):
            written = as_stream(answer.body, self._call.usage_asked) if self._call.stream else answer.body
            kind = EVENTS if self._call.stream else JSON
            framing = (("content-type", kind), ("content-length", str(len(written))))
            edit = HeaderEdit(set=(*framing, *edit.set), remove=_OWN_FRAMING)
        return Turn(BodyReply("response", body=written, edit=edit, metadata=told_usage(answer.usage)), done=True)

    def _cost(self, usage: Usage | None) -> tuple[tuple[str, str], ...]:
        price = self._to.entry.price if self._to.entry is not None else None
        if usage is None or usage.estimated or price is None:
            return ()
        return ((names.COST, dollars(cost(usage, price))),)


class ErrorAnswer:
    def __init__(self, to: Destination, status: int, headers: Mapping[str, str]) -> None:
        self._to = to
        self._status = status
        self._headers = headers

    async def on_body(self, event: BodyEvent) -> Turn:
        found = caller_error(self._to, self._status, self._headers, error_bytes(event, self._headers))
        if found is None:
            return Turn(BodyReply("response"), done=True)
        if not event.end_of_stream:
            return Turn(found.immediate(self._headers), done=True)
        return Turn(BodyReply("response", body=found.body, edit=found.edit), done=True)


def refused(why: str, exchange_id: str) -> Turn:
    """An answer that is none."""
    return Turn(immediate(Refusal(Reason.UPSTREAM_GARBLED, why), "openai", exchange_id), done=True)


def told_usage(usage: Usage | None) -> Metadata:
    """What was counted, for the access log: an attended exchange settles by what passed here."""
    return {} if usage is None else {names.META_USAGE: {names.U_COUNTED: usage.as_numbers()}}
