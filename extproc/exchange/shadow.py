"""The attempt at a shadow: made like any other, and watched for nothing but how it went.

Law: nobody waits for it, nobody pays for it and nothing learns from it. It is told what to do by the request's own
header, from the router phase of the same exchange; its answer is thrown away by Envoy.
"""

from dataclasses import replace
from typing import Literal

from extproc import names
from extproc.exchange.attempt import AttemptExchange, target_of
from extproc.exchange.desk import Desk
from extproc.protocol.events import BodyEvent, Context, HeadersEvent, TrailersEvent
from extproc.protocol.replies import BodyReply, HeadersReply, ImmediateReply, TrailersReply, Turn
from extproc.refusal import Reason, Refusal
from extproc.rewrite.refusals import immediate
from extproc.rewrite.shadow import read_copy
from extproc.snapshot import Target

ShadowResult = Literal["ok", "rate_limited", "caller_error", "failure", "refused", "no_answer"]


class ShadowExchange:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._attempt = AttemptExchange(desk)
        self._target: Target | None = None  # None: not known yet, or already told
        self._began = 0.0
        self.id = ""

    async def on(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Turn:
        if event.direction == "response":
            return self._on_answer(event)
        if isinstance(event, HeadersEvent):
            told = read_copy(event.headers.get(names.CTL_SHADOW_CALL) or "")
            if told is None:
                refusal = Refusal(Reason.INTERNAL_ERROR, "a shadow without a copy")
                return Turn(immediate(refusal, "openai", ""), done=True)
            self.id = str(told[names.META].get(names.M_ID, ""))
            self._target, self._began = target_of(told[names.META], 1), self._desk.now()
            cluster = str(event.context.attributes.get(names.ATTR_CLUSTER, "")).removesuffix(names.SHADOW_SUFFIX)
            event = replace(event, context=Context({names.ATTR_CLUSTER: cluster, names.ATTR_ATTEMPT: 1}, told))
        turn = await self._attempt.on(event)
        if isinstance(turn.reply, ImmediateReply):
            self._tell("refused")
            return turn
        if isinstance(turn.reply, (HeadersReply, BodyReply)):
            return Turn(replace(turn.reply, metadata={}))  # it stays for the answer's headers
        return Turn(turn.reply)

    def closed(self) -> None:
        """Refused, reset, too late, or cut short by the end of the configuration: Envoy does not say."""
        self._tell("no_answer")

    def _on_answer(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Turn:
        if isinstance(event, HeadersEvent):
            self._tell(_result(event.headers.get(":status") or ""))
            return Turn(HeadersReply("response"), done=True)
        if isinstance(event, BodyEvent):
            return Turn(BodyReply("response"), done=True)
        return Turn(TrailersReply("response"), done=True)

    def _tell(self, result: ShadowResult) -> None:
        if self._target is not None:
            self._desk.books.shadow_ended(self._target, result, self._desk.now() - self._began)
            self._target = None


def _result(status: str) -> ShadowResult:
    if status == "429":
        return "rate_limited"
    return {"1": "ok", "2": "ok", "3": "ok", "4": "caller_error"}.get(status[:1], "failure")  # type: ignore[return-value]
