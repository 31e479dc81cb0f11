"""One ext_proc stream: bytes → event → handler → reply → bytes.

Law: every message meets the conversation before the handler, every reply before it is written. A bug (any exception
of the handler, a reply that does not fit, a header that must not be sent) becomes `on_bug`'s answer while the
response's headers are still held. Where that is too late, and whenever Envoy speaks out of turn, `receive` raises:
the transport then ends this stream with an error, and Envoy refuses the exchange. It is never ended cleanly for such
a cause, because a clean end means «go on without me».
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from extproc.exchange.handler import Handler
from extproc.protocol.conversation import Conversation, IllegalReply
from extproc.protocol.elsewhere import AskAnother
from extproc.protocol.events import BodyEvent, HeadersEvent, TrailersEvent, UnknownEvent
from extproc.protocol.replies import ImmediateReply
from extproc.wire.codec import decode, empty_reply, encode

Answer = tuple[bytes | None, bool]
_OVER: Final[Answer] = (None, True)


class Broken(Exception):
    """A bug of ours that came too late for an answer: the stream must end with an error. Its cause is the bug."""


class ProcessorStream:
    __slots__ = ("_closed", "_conversation", "_handler", "_on_bug", "_over")

    def __init__(
        self, handler: Handler, on_bug: Callable[[BaseException], ImmediateReply], *, answers_only: bool = False
    ) -> None:
        self._handler = handler
        self._on_bug = on_bug
        self._conversation = Conversation(answers_only=answers_only)
        self._over = False
        self._closed = False

    async def receive(self, data: bytes) -> Answer:
        """The reply's bytes or None, and whether we end the stream. Calls must not overlap.

        Raises Garbled or OutOfTurn (Envoy's fault) or Broken (ours); the stream is over then."""
        if self._over:
            return _OVER
        try:
            event, opening = decode(data)
            duty = self._conversation.receive(event, opening)
        except Exception:
            self._over = True
            raise
        if duty == "ignore":
            return None, False
        if duty == "acknowledge" or isinstance(event, UnknownEvent):
            return empty_reply(event), False
        if isinstance(event, BodyEvent) and not event.end_of_stream and self._conversation.is_whole(event):
            event = replace(event, end_of_stream=True)
        answer = await self._handle(event)
        self._over = answer[1]
        return answer

    async def _handle(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Answer:
        try:
            turn = await self._handler.on(event)
            if turn.reply is None:
                if not turn.done:
                    raise IllegalReply("no reply, and Envoy waits for one")
                return _OVER
            data = encode(turn.reply)
            self._conversation.check(turn.reply)
        except AskAnother:
            self._over = True
            raise
        except Exception as bug:
            return self._answer_bug(bug)
        return data, turn.done or isinstance(turn.reply, ImmediateReply)

    def _answer_bug(self, bug: Exception) -> Answer:
        self._over = True
        reply = self._on_bug(bug)  # also where it cannot be sent: it is how the bug gets into the log
        if not self._conversation.may_answer_at_once:
            raise Broken("a bug after the response's headers had left") from bug
        return encode(reply), True

    def closed(self) -> None:
        if not self._closed:
            self._closed = True
            self._over = True
            self._handler.closed()
