"""The one final answer of an attended exchange: which kind it is, and who reads it.

Law: only what must be read is asked for; everything else passes and the stream is ended. Until the headers have left,
whatever cannot be understood is a 502; behind them it is an error event.
"""

from typing import Final, Protocol

from extproc import names
from extproc.decision.plan import Plan
from extproc.dialects.inflate import Inflate, inflates
from extproc.exchange.answer_kinds import EVENTS, JSON, ErrorAnswer, StreamedAnswer, WholeAnswer, refused
from extproc.exchange.attempt import destination
from extproc.exchange.mapped_errors import LARGEST_READ, caller_error
from extproc.protocol.events import BodyEvent, Headers, HeadersEvent, TrailersEvent
from extproc.protocol.replies import LARGEST_BUFFERED, BodyMode, HeaderEdit, HeadersReply, Modes, TrailersReply, Turn
from extproc.snapshot import Snapshot
from extproc.translation.pair import Call, Destination, Pair
from extproc.translation.registry import pair_for

LARGEST_COUNTED: Final = 512 * 1024  # bytes of an answer that is buffered only to learn its cost before it leaves
STREAMS: Final = frozenset({EVENTS, "application/x-ndjson", "application/vnd.amazon.eventstream"})
_PASSES: Final = Turn(HeadersReply("response"), done=True)


class Reader(Protocol):
    async def on_body(self, event: BodyEvent) -> Turn: ...


class AttendedAnswer:
    def __init__(self, plan: Plan, call: Call, snapshot: Snapshot, *, only_errors: bool = False) -> None:
        """Reads the answer of whichever target of the plan will have answered.

        `only_errors`: whatever is none passes; for an Envoy that has no filter of its own for them.
        """
        self._only_errors = only_errors
        self._plan = plan
        self._call = call
        self._snapshot = snapshot
        self._reader: Reader | None = None

    async def on(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Turn:
        if isinstance(event, HeadersEvent):
            return self._on_headers(event)
        if isinstance(event, BodyEvent) and self._reader is not None:
            return await self._reader.on_body(event)
        return Turn(TrailersReply("response"), done=True)

    def _on_headers(self, event: HeadersEvent) -> Turn:
        to = self._winner(event)
        details = str(event.context.attributes.get(names.ATTR_DETAILS, names.VIA_UPSTREAM))
        if to is None or details != names.VIA_UPSTREAM:
            return _PASSES  # Envoy's own answer, which is in the caller's dialect already
        status = event.headers.get(":status") or ""
        if status >= "400":
            return self._error(event, int(status), to)
        if self._only_errors:
            return _PASSES
        pair = pair_for("openai", to.provider.dialect, to.model, self._call.endpoint)
        if pair is None:
            return _PASSES
        if pair.reads_answer(self._call, to):
            if not status.startswith("2"):  # a redirect would lead an SDK to an API that it does not speak
                return refused(f"The provider answered {status}, which is no answer to a chat.", self._call.id)
            return self._translated(event, pair, to)
        if not status.startswith("2"):
            return _PASSES
        return self._watched(event, pair, to)

    def _winner(self, event: HeadersEvent) -> Destination | None:
        """The target whose attempt Envoy counted last."""
        attempt = int(event.context.attributes.get(names.ATTR_ATTEMPT, 0))
        if not 1 <= attempt <= len(self._plan.steps):
            return None
        target = self._plan.steps[attempt - 1].target
        return destination(self._snapshot.providers[target.provider], target.model)

    def _error(self, event: HeadersEvent, status: int, to: Destination) -> Turn:
        headers = event.headers.firsts()
        length = headers.get("content-length", "")
        if event.end_of_stream or (length.isdecimal() and int(length) > LARGEST_READ):
            found = caller_error(to, status, headers, b"")
            return _PASSES if found is None else Turn(found.immediate(headers), done=True)
        self._reader = ErrorAnswer(to, status, headers)
        return Turn(HeadersReply("response", modes=_held(event.headers)))

    def _translated(self, event: HeadersEvent, pair: Pair, to: Destination) -> Turn:
        """An answer in the provider's own dialect."""
        encoding = (event.headers.get("content-encoding") or "").strip().lower()
        inflate = None
        if encoding not in ("", "identity"):
            if not inflates(encoding):
                return refused(
                    f"The provider's answer has an encoding that nobody asked for: {encoding[:40]}.", self._call.id
                )
            inflate = Inflate(encoding)
        if event.end_of_stream:
            return refused("The provider's answer is empty.", self._call.id)
        if self._call.stream and kind_of(event.headers) in (*STREAMS, ""):  # what has no name is what was asked for
            self._reader = StreamedAnswer(pair.stream(self._call, to), changes=True, inflate=inflate)
            edit = HeaderEdit(set=(("content-type", EVENTS),), remove=("content-length", "content-encoding"))
            return Turn(HeadersReply("response", edit=edit, modes=_modes("STREAMED")))
        self._reader = WholeAnswer(pair, self._call, to, inflate)
        return Turn(HeadersReply("response", modes=_held(event.headers)))

    def _watched(self, event: HeadersEvent, pair: Pair, to: Destination) -> Turn:
        """An answer in the caller's dialect, read for its usage, and rid of a chunk that only we asked for."""
        if event.end_of_stream or event.headers.get("content-encoding"):
            return _PASSES
        if kind_of(event.headers) == EVENTS:
            self._reader = StreamedAnswer(pair.stream(self._call, to), changes=self._call.ask_usage)
            edit = HeaderEdit(remove=("content-length",))
            return Turn(HeadersReply("response", edit=edit, modes=_modes("STREAMED")))
        length = event.headers.get("content-length") or ""
        if kind_of(event.headers) == JSON and length.isdecimal() and int(length) <= LARGEST_COUNTED:
            self._reader = WholeAnswer(pair, self._call, to)
            return Turn(HeadersReply("response", modes=_held(event.headers)))
        return _PASSES


def kind_of(headers: Headers) -> str:
    return (headers.get("content-type") or "").partition(";")[0].strip().lower()


def _held(headers: Headers) -> Modes:
    """Whole, where it says that Envoy can hold it: only then does it keep a length of its own."""
    length = headers.get("content-length") or ""
    fits = length.isdecimal() and int(length) <= LARGEST_BUFFERED
    return _modes("BUFFERED" if fits else "BUFFERED_PARTIAL")


def _modes(response_body: BodyMode) -> Modes:
    return Modes(response_headers=True, request_body="NONE", response_body=response_body)
