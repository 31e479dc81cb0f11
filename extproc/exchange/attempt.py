"""The attempt's stream: one try at one target, addressed, translated and cleaned of everybody else's headers.

Law: the target is the plan's, by Envoy's count, and its cluster must be the one that Envoy is about to use; all else
fails closed. The caller's bytes come anew for every attempt, and leave changed only if the target needs it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from extproc import names
from extproc.decision.lookup import entry_of, upstream
from extproc.dialects.endpoints import is_upgraded
from extproc.exchange.desk import Desk
from extproc.exchange.held import HeldAnswer, Hold
from extproc.exchange.signed import signature
from extproc.protocol.elsewhere import AskAnother
from extproc.protocol.events import BodyEvent, Headers, HeadersEvent, TrailersEvent
from extproc.protocol.replies import BodyReply, HeaderEdit, HeadersReply, Metadata, TrailersReply, Turn
from extproc.refusal import Reason, Refusal
from extproc.rewrite.attempt import OriginalRequest, attempt_headers
from extproc.rewrite.refusals import immediate
from extproc.snapshot import Provider, Target
from extproc.translation.pair import Call, Destination, Pair, TranslatedRequest
from extproc.translation.prompt import ENDPOINT as PROMPT
from extproc.translation.prompt import as_chat, as_pairs_know
from extproc.translation.registry import pair_for

MOST_LOSSES: Final = 32  # named to the caller and in logs: their number is a caller's to choose, and so are
LONGEST_LOSS: Final = 100  # the keywords of a schema in them


@dataclass(frozen=True, slots=True)
class Try:
    """Everything one attempt is made of."""

    id: str
    number: int  # its place in the plan, from 1
    target: Target
    to: Destination
    pair: Pair
    call: Call
    original: OriginalRequest
    body_bytes: int | None  # of the caller's body; None: it was not read
    rejects: bool  # the route wants no answer to less than was asked
    hold: Hold | None  # None: the answer goes on without us


class AttemptExchange:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.id = ""  # the exchange's, once it is known
        self._try: Try | None = None
        self._present = Headers()
        self._body: list[bytes] = []
        self._held: HeldAnswer | None = None

    async def on(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Turn:
        if event.direction == "response":
            return self._on_response(event)
        if isinstance(event, HeadersEvent):
            return self._on_headers(event)
        if isinstance(event, BodyEvent):
            return self._on_body(event)
        return Turn(TrailersReply("request"))

    def closed(self) -> None:
        """Attempts hold nothing: their outcome is in the access log."""

    def _ask_another(self, refusal: Refusal, event: HeadersEvent) -> None:
        """Whoever has decided knows the configuration that we lack; a refusal from here would be final."""
        agreement = self._desk.agreement
        if refusal.reason is Reason.SNAPSHOT_LOST and agreement is not None and agreement.send_away(_place_of(event)):
            raise AskAnother

    def _on_headers(self, event: HeadersEvent) -> Turn:
        found = plan_try(event, self._desk)
        if isinstance(found, Refusal):
            self._ask_another(found, event)
            return Turn(immediate(found, "openai", _id_of(event)), done=True)
        self._try, self._present, self.id = found, event.headers, found.id
        if found.hold is not None:
            self._held = HeldAnswer(found.hold)
        body_follows = not event.end_of_stream and self._needs_body(found)
        if body_follows and not may_have_none(found):
            return Turn(HeadersReply("request"))
        made = self._made(found, None)
        if isinstance(made, Refusal):
            return Turn(immediate(made, "openai", found.id), done=True)
        translated, edit = made
        reply = HeadersReply("request", edit=edit, metadata=_told(found, translated))
        return Turn(reply, done=found.hold is None and not body_follows)

    def _on_body(self, event: BodyEvent) -> Turn:
        found = self._try
        if found is None:  # its headers were not sent to us, so it would go out as the caller addressed it
            refusal = Refusal(Reason.INTERNAL_ERROR, "an attempt without headers")
            return Turn(immediate(refusal, "openai", ""), done=True)
        self._body.append(event.data)
        if not event.end_of_stream:
            return Turn(BodyReply("request"))
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        if not self._needs_body(found):
            return Turn(BodyReply("request"), done=found.hold is None)
        made = self._made(found, body)
        if isinstance(made, Refusal):
            return Turn(immediate(made, "openai", found.id), done=True)
        translated, edit = made
        reply = BodyReply("request", body=translated.body, edit=edit, metadata=_told(found, translated))
        return Turn(reply, done=found.hold is None)

    def _made(self, found: Try, body: bytes | None) -> tuple[TranslatedRequest, HeaderEdit] | Refusal:
        """What is sent, and its headers. `body` is the caller's; None where there is none or nobody has to read it."""
        translated = _translated(found, found.call if body is None else replace(found.call, body=body))
        if isinstance(translated, Refusal):
            return translated
        sent = translated.body if translated.body is not None and body is not None else body
        signed = signature(found.to.provider, translated, sent or b"", self._desk)
        if isinstance(signed, Refusal):
            return signed
        length = found.body_bytes if sent is None else len(sent)
        return translated, attempt_headers(self._present, translated, found.to.provider, found.original, length, signed)

    def _needs_body(self, found: Try) -> bool:
        """To change it, or to sign it. A WebSocket's comes to no end before it is answered."""
        if found.original.upgrades:
            return False
        if found.call.endpoint == PROMPT or found.to.provider.sign is not None:
            return True
        return found.pair.needs_body(found.call, found.to)

    def _on_response(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Turn:
        if self._held is not None:
            return self._held.on(event)
        if isinstance(event, HeadersEvent):
            return Turn(HeadersReply("response", edit=HeaderEdit()), done=True)
        if isinstance(event, BodyEvent):
            return Turn(BodyReply("response"), done=True)
        return Turn(TrailersReply("response"), done=True)


def may_have_none(found: Try) -> bool:
    """Whether what ends a request may be trailers with no body before them, of which Envoy shows us nothing.

    Such a request is complete with its headers, so it is addressed and signed with them; a body that does come is
    signed anew. Of a body that the router has read it is known that it comes.
    """
    return found.body_bytes is None and not found.pair.needs_body(found.call, found.to)


def _translated(found: Try, call: Call) -> TranslatedRequest | Refusal:
    chat = as_chat(call)
    made = chat if isinstance(chat, Refusal) else found.pair.request(chat, found.to)
    return without_loss(made, found.target) if found.rejects else made


def without_loss(made: TranslatedRequest | Refusal, target: Target) -> TranslatedRequest | Refusal:
    if isinstance(made, Refusal) or not made.losses:
        return made
    shown = _shown(made.losses)
    message = f"{target} cannot be told {', '.join(shown)}, and this route rejects what would be lost"
    return Refusal(Reason.UNSUPPORTED_PARAMETER, message, param=shown[0])


def _told(found: Try, translated: TranslatedRequest) -> Metadata:
    """What gets lost, for the answer and the logs. Envoy keeps what an attempt told, so the next one tells it anew."""
    if not translated.losses and found.number == 1:
        return {}
    return {names.META: {names.M_LOSSES: _shown(translated.losses)}}


def _shown(losses: tuple[str, ...]) -> list[str]:
    """As a header, a log and an error can hold them."""
    cut = (name[:LONGEST_LOSS] for name in losses[:MOST_LOSSES])
    return [name if name.isprintable() else "".join(c if c.isprintable() else "?" for c in name) for name in cut]


def _place_of(event: HeadersEvent) -> str:
    attributes = event.context.attributes
    return f"{_id_of(event)} {attributes.get(names.ATTR_ATTEMPT)} {attributes.get(names.ATTR_CLUSTER)}"


def plan_try(event: HeadersEvent, desk: Desk) -> Try | Refusal:
    """What this attempt is to do, from what the router decided and where Envoy is."""
    decision = event.context.metadata.get(names.META)
    private = event.context.metadata.get(names.META_PRIVATE)
    if not decision or private is None:
        return Refusal(Reason.INTERNAL_ERROR, "an attempt without a decision")
    snapshot = desk.shelf.get(str(decision.get(names.M_SNAPSHOT, ""))) or desk.shelf.current
    attempt = int(event.context.attributes.get(names.ATTR_ATTEMPT, 1))
    cluster = str(event.context.attributes.get(names.ATTR_CLUSTER, ""))
    target = target_of(decision, attempt)
    provider = snapshot.providers.get(target.provider) if target else None
    if target is None or provider is None or _of_provider(cluster) != provider.cluster:
        return Refusal(Reason.SNAPSHOT_LOST, "the configuration that this attempt was planned with is gone; try again")
    held = cluster.endswith(names.HELD_SUFFIX)
    return _try_of(decision, private, target, provider, number=attempt, held=held)


def _try_of(
    decision: Mapping[str, Any],
    private: Mapping[str, Any],
    target: Target,
    provider: Provider,
    *,
    number: int,
    held: bool,
) -> Try | Refusal:
    to = destination(provider, target.model)
    endpoint = str(decision.get(names.M_ENDPOINT, ""))
    pair = pair_for(str(decision.get(names.M_DIALECT, "openai")), provider.dialect, to.model, as_pairs_know(endpoint))
    if pair is None:
        return Refusal(Reason.INTERNAL_ERROR, f"no translation for {provider.dialect}")
    path, _, query = str(private.get(names.P_PATH, "")).partition("?")
    call = Call(
        endpoint=endpoint,
        method=str(private.get(names.P_METHOD, "POST")),
        path=path,
        query=query,
        content_type=str(private.get(names.P_CONTENT_TYPE, "")),
        body=None,
        stream=bool(decision.get(names.M_STREAM, False)),
        body_model=private.get(names.P_BODY_MODEL),
        own_fields=tuple(private.get(names.P_OWN_FIELDS, ())),
        features=frozenset(private.get(names.P_FEATURES, ())),
        ask_usage=bool(private.get(names.P_ASK_USAGE, False)),
        id=str(decision.get(names.M_ID, "")),
    )
    return Try(
        id=str(decision.get(names.M_ID, "")),
        number=number,
        target=target,
        to=to,
        pair=pair,
        call=call,
        original=OriginalRequest(call.content_type, private.get(names.P_CREDENTIAL), upgrades=is_upgraded(endpoint)),
        body_bytes=_whole(private.get(names.P_BODY_BYTES)),
        rejects=bool(private.get(names.P_REJECTS, False)),
        hold=_hold(private, to) if held else None,
    )


def _hold(private: Mapping[str, Any], to: Destination) -> Hold:
    return Hold(
        to=to,
        first_event=bool(private.get(names.P_FIRST_EVENT, False)),
        fallback_on=frozenset(map(str, private.get(names.P_FALLBACK_ON, ()))),
        patience=float(private.get(names.P_FIRST_BYTE, 60.0)),
    )


def destination(provider: Provider, model: str) -> Destination:
    return Destination(provider, upstream(provider, model), entry_of(provider, model))


def _of_provider(cluster: str) -> str:
    return cluster.removesuffix(names.HELD_SUFFIX).removesuffix(names.UPGRADE_SUFFIX)


def _whole(number: object) -> int | None:
    """Numbers of Envoy's metadata are doubles."""
    return int(number) if isinstance(number, (int, float)) else None


def target_of(decision: Mapping[str, Any], attempt: int) -> Target | None:
    targets = decision.get(names.M_TARGETS)
    if not isinstance(targets, list) or not 1 <= attempt <= len(targets):
        return None
    provider, _, model = str(targets[attempt - 1]).partition("/")
    return Target(provider, model)


def _id_of(event: HeadersEvent) -> str:
    return str(event.context.metadata.get(names.META, {}).get(names.M_ID, ""))
