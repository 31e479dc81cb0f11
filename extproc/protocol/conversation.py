"""The order of one ext_proc conversation: what may follow what, and what answers what.

Law:
1.  A conversation has two halves, request and response. Each runs headers → body* → trailers?, and each part may be
    missing: Envoy sends only what its processing mode says, and nothing after `end_of_stream`.
2.  The halves interleave: an upstream may answer before the request ended, so the response never waits for the
    request's end.
3.  Every message that is handled or acknowledged gets exactly one reply, of its own kind and direction, before the next
    one. An immediate reply may stand in for it only while Envoy still holds the response's headers.
4.  A conversation that begins with the response is somebody else's answer (authentication, a rate limit, a codec
    error): it is acknowledged to its end and never shown to the handler, unless the filter is one of answers alone.
    One that begins with the request's body (headers are SKIPped) is handled: only the handler knows whether that may
    pass.
5.  The reply to the response's headers may be held (`MoreTime`) where Envoy sends the body without waiting for it: the
    next message's reply is then the one to the headers, and the conversation is ended with it.
6.  Under observability nothing is answered, ever, and nothing is decided.
7.  A body that is BUFFERED comes whole or not at all. One that is BUFFERED_PARTIAL comes once: whole, or, where Envoy
    can hold no more of it, its beginning, with more than LARGEST_BUFFERED bytes; what follows is not shown to us. (A
    BUFFERED answer that is larger than what Envoy holds, and here before its headers were answered, hangs instead.)
8.  A message that cannot stand where it stands, is of a kind we do not know, or belongs to a body mode we do not
    speak is Envoy's fault: `OutOfTurn`. A reply that does not fit is ours: `IllegalReply`. Neither is answered with a
    guess.

What may follow what, in each half (the table `FOLLOWS` is the code):

    state    headers     body                trailers
    fresh    open/ended  open/ended          ended
    open     OutOfTurn   open/ended          ended
    ended    OutOfTurn   acknowledge, stay   acknowledge, stay

`open/ended` is by the message's `end_of_stream`. A body after the end is a known bug of Envoy's (delivered twice): it
gets its empty reply, because Envoy waits for one, and the handler never sees it.
"""

from typing import Final, Literal

from extproc.protocol.events import BodyEvent, Direction, Event, HeadersEvent, Opening, TrailersEvent, UnknownEvent
from extproc.protocol.replies import (
    LARGEST_BUFFERED,
    BodyReply,
    HeaderEdit,
    HeadersReply,
    ImmediateReply,
    MoreTime,
    Reply,
    TrailersReply,
)

Duty = Literal["handle", "acknowledge", "ignore"]
State = Literal["fresh", "open", "ended"]
Part = Literal["headers", "body", "trailers"]
KnownEvent = HeadersEvent | BodyEvent | TrailersEvent

FOLLOWS: Final[dict[State, frozenset[Part]]] = {
    "fresh": frozenset({"headers", "body", "trailers"}),
    "open": frozenset({"body", "trailers"}),
    "ended": frozenset(),
}
REPEATABLE: Final[frozenset[Part]] = frozenset({"body", "trailers"})  # acknowledged after the end, not handled
SPOKEN_MODES: Final = frozenset({"NONE", "STREAMED", "BUFFERED"})

_KIND_OF_REPLY: Final[dict[type, Part]] = {HeadersReply: "headers", BodyReply: "body", TrailersReply: "trailers"}


class OutOfTurn(Exception):
    """Envoy sent what cannot stand here. The stream must end with an error: a clean end would let the exchange pass."""


class IllegalReply(Exception):
    """The handler's reply does not fit the message that it answers: a bug of ours, found before Envoy sees it."""


class Half:
    """One direction: how far it is, and the length that its headers announced and Envoy will hold a new body to."""

    __slots__ = ("announced", "mode", "state")

    def __init__(self) -> None:
        self.state: State = "fresh"
        self.mode = "NONE"
        self.announced = False


class Conversation:
    __slots__ = ("_answers_only", "_foreign", "_halves", "_held", "_observed", "_pending", "_started")

    def __init__(self, *, answers_only: bool = False) -> None:
        """`answers_only`: of a filter that is asked about nothing but answers."""
        self._answers_only = answers_only
        self._halves: dict[Direction, Half] = {"request": Half(), "response": Half()}
        self._pending: KnownEvent | None = None
        self._started = False
        self._observed = False
        self._foreign = False
        self._held = False  # the reply to the response's headers is owed

    def receive(self, event: Event, opening: Opening | None) -> Duty:
        """Take Envoy's next message. Raises OutOfTurn; after that the conversation is over."""
        if self._pending is not None:
            raise OutOfTurn("a message arrived before the one before it was answered")
        if isinstance(event, UnknownEvent):
            raise OutOfTurn(f"a message of an unknown kind: {event.what}")
        if not self._started:
            self._start(event, opening or Opening())
        elif opening is not None and opening.observability:
            self._observed = True
        if self._observed:
            return "ignore"
        if self._advance(event) and not self._foreign:
            self._pending = event
            return "handle"
        return "acknowledge"

    def check(self, reply: Reply) -> None:
        """Let the reply to the pending message pass, or raise IllegalReply and keep the message pending."""
        event = self._pending
        if event is None:
            raise IllegalReply("nothing is waiting for a reply")
        if isinstance(reply, ImmediateReply):
            if not self.may_answer_at_once:
                raise IllegalReply("an immediate reply, but the response's headers have left")
        elif isinstance(reply, MoreTime):
            if event.direction != "response" or not (isinstance(event, HeadersEvent) or self._held):
                raise IllegalReply("only the reply to the response's headers can be held")
            self._held = True
        else:
            self._check_match(event, reply)
            self._note(reply)
        self._pending = None

    def is_whole(self, event: BodyEvent) -> bool:
        """Whether this is all of the body: a buffered one comes at once, and without `end_of_stream` where trailers
        stand behind it."""
        mode = self._halves[event.direction].mode
        return (
            event.end_of_stream
            or mode == "BUFFERED"
            or (mode == "BUFFERED_PARTIAL" and len(event.data) <= LARGEST_BUFFERED)
        )

    @property
    def may_answer_at_once(self) -> bool:
        """Whether an immediate reply would still reach the client whole: Envoy holds the response's headers."""
        event = self._pending
        response = self._halves["response"]
        match event:
            case None:
                return False
            case HeadersEvent(direction="response"):
                return True
            case BodyEvent(direction="response"):
                return response.mode in ("BUFFERED", "BUFFERED_PARTIAL")
            case TrailersEvent(direction="response"):
                return False
            case _:
                return response.state == "fresh"

    def _start(self, event: KnownEvent, opening: Opening) -> None:
        for direction, mode in (("request", opening.request_body_mode), ("response", opening.response_body_mode)):
            if mode not in SPOKEN_MODES and not opening.observability:
                raise OutOfTurn(f"the {direction} body mode {mode} is not spoken here")
        self._started = True
        self._halves["request"].mode = opening.request_body_mode
        self._halves["response"].mode = opening.response_body_mode
        self._observed = opening.observability
        self._foreign = event.direction == "response" and not self._answers_only

    def _advance(self, event: KnownEvent) -> bool:
        """Move the event's half along the table; False where the event repeats what has ended."""
        half, part = self._halves[event.direction], _part(event)
        if part not in FOLLOWS[half.state]:
            if half.state == "ended" and part in REPEATABLE:
                return False
            raise OutOfTurn(f"{event.direction} {part} when the {event.direction} was {half.state}")
        if isinstance(event, TrailersEvent):
            half.state = "ended"
        else:
            half.state = "ended" if event.end_of_stream else "open"
            if isinstance(event, HeadersEvent):
                half.announced = event.headers.get("content-length") is not None
        return True

    def _check_match(self, event: KnownEvent, reply: HeadersReply | BodyReply | TrailersReply) -> None:
        if self._held:
            if not (isinstance(reply, HeadersReply) and reply.direction == "response"):
                raise IllegalReply("the reply to the response's headers is owed")
            return
        wanted, given = (event.direction, _part(event)), (reply.direction, _KIND_OF_REPLY[type(reply)])
        if wanted != given:
            raise IllegalReply(f"{' '.join(given)} in reply to {' '.join(wanted)}")
        if isinstance(reply, TrailersReply):
            return
        if reply.clear_route and event.direction == "response":
            raise IllegalReply("clear_route after the route was taken")
        if isinstance(reply, BodyReply):
            self._check_body(reply, event)

    def _check_body(self, reply: BodyReply, event: KnownEvent) -> None:
        half = self._halves[reply.direction]
        if half.mode == "STREAMED":
            if reply.edit or reply.clear_route:
                raise IllegalReply("a header edit in reply to a streamed body: the headers have left")
            return
        if reply.body is None or not isinstance(event, BodyEvent):
            return
        said = _content_length(reply.edit)
        if said is not None and said not in ("", str(len(reply.body))):
            raise IllegalReply("a new body whose content-length is another")
        if said is None and half.announced and len(reply.body) != len(event.data):
            raise IllegalReply("a new body of another length under the old content-length")

    def _note(self, reply: Reply) -> None:
        """Remember what the reply changed of the ground that later replies stand on."""
        if not isinstance(reply, HeadersReply):
            return
        if _content_length(reply.edit) == "":
            self._halves[reply.direction].announced = False
        if reply.modes is not None:
            self._halves["request"].mode = reply.modes.request_body
            self._halves["response"].mode = reply.modes.response_body


def _part(event: KnownEvent) -> Part:
    if isinstance(event, HeadersEvent):
        return "headers"
    return "body" if isinstance(event, BodyEvent) else "trailers"


def _content_length(edit: HeaderEdit) -> str | None:
    """What the edit makes of content-length: None leaves it, "" takes it away."""
    said = None
    if any(name.lower() == "content-length" for name in edit.remove):
        said = ""
    for name, value in edit.set:
        if name.lower() == "content-length":
            said = value
    return said
