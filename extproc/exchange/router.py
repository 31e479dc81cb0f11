"""The router's stream: one exchange, from the request's headers to the decision, and the one final answer if attended.

Law: identify → (body) → facts → decide → reply, each step once and in this order; a refusal ends it. The body
is never edited here: attempts get the caller's original bytes.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from extproc import names
from extproc.decision.decide import decide
from extproc.decision.first_target import first_target
from extproc.decision.plan import Plan
from extproc.decision.usable import usable_names
from extproc.dialects.endpoints import BY_NAME, Endpoint, is_by_provider
from extproc.dialects.openai.prompt import without_media
from extproc.dialects.registry import ModelName
from extproc.exchange.answer import AttendedAnswer
from extproc.exchange.attempt import destination
from extproc.exchange.desk import Desk
from extproc.exchange.matched import Matched, find_route, peer_of, source_of
from extproc.exchange.rehearsal import needs_rehearsal, rehearsed
from extproc.facts.given import Given
from extproc.facts.read import Identified, identify, read_facts
from extproc.facts.request import Facts
from extproc.facts.unknown import unknown_endpoint
from extproc.outcome.pending import Decided
from extproc.protocol.events import BodyEvent, Headers, HeadersEvent, TrailersEvent
from extproc.protocol.replies import BodyReply, HeadersReply, Metadata, TrailersReply, Turn
from extproc.refusal import Reason, Refusal
from extproc.rewrite.health import health_status, page_reply
from extproc.rewrite.models import models_reply
from extproc.rewrite.refusals import immediate
from extproc.rewrite.router import (
    Received,
    asks_usage,
    llm_headers,
    plan_metadata,
    portable_llm_headers,
    portable_metadata,
    portable_service_headers,
    service_headers,
)
from extproc.rewrite.shadow import copy_headers
from extproc.snapshot import Route, Snapshot
from extproc.translation.pair import Call
from extproc.translation.prompt import as_chat
from extproc.translation.registry import pair_for

LARGE_BODY: Final = 64 * 1024  # bytes; what is read in less than a few milliseconds is not worth a thread


@dataclass(frozen=True, slots=True)
class Admitted:
    """An LLM request whose caller is known, waiting for its body."""

    matched: Matched
    endpoint: Endpoint
    headers: Headers
    identity: Identified


class RouterExchange:
    def __init__(self, desk: Desk, given: Given | None = None, *, portable: bool = False) -> None:
        """`given`: what Envoy says that it has, in case its configuration is another than ours; `portable`: it walks
        no plan, goes by a header, and has no filter of its own for errors."""
        self._desk = desk
        self._given = given
        self._portable = portable
        self.id = desk.new_id()
        self._began = desk.now()
        self._request_id = ""
        self._admitted: Admitted | None = None
        self._body: list[bytes] = []
        self._answer: AttendedAnswer | None = None

    async def on(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Turn:
        if event.direction == "response":
            return await self._on_response(event)
        if isinstance(event, HeadersEvent):
            return await self._on_request_headers(event)
        if isinstance(event, BodyEvent):
            return await self._on_request_body(event)
        return Turn(TrailersReply("request"))

    def closed(self) -> None:
        """Nothing is held here: what was decided is in the books, what happens is in the access log."""

    # --- the request -------------------------------------------------------------------------------------------------

    async def _on_request_headers(self, event: HeadersEvent) -> Turn:
        headers = event.headers
        self._request_id = headers.get("x-request-id") or ""
        matched = find_route(str(event.context.attributes.get(names.ATTR_ROUTE, "")), self._desk, self._given)
        if isinstance(matched, Refusal):
            return self._refuse(matched, None)
        if matched.endpoint == names.ENDPOINT_SERVICE:
            return self._pass_to_service(matched, headers)
        endpoint = BY_NAME.get(matched.endpoint)
        if endpoint is None or headers.get(":method") not in endpoint.methods:
            return self._refuse(unknown_endpoint(headers.get(":method") or "", headers.get(":path") or ""), matched)
        identity = identify(headers, source_of(event), matched.snapshot, peer_of(event, matched.snapshot))
        if isinstance(identity, Refusal):
            return self._refuse(identity, matched)
        if endpoint.ours:
            return self._answer_itself(endpoint, matched, headers, identity)
        self._admitted = Admitted(matched, endpoint, headers, identity)
        if endpoint.body == "json" and not event.end_of_stream:
            return Turn(HeadersReply("request"))
        body = b"" if endpoint.body == "json" else None
        return await self._decide(self._admitted, body, in_headers=True)

    async def _on_request_body(self, event: BodyEvent) -> Turn:
        if self._admitted is None:  # a body that nobody asked for: it passes
            return Turn(BodyReply("request"))
        self._body.append(event.data)
        if not event.end_of_stream:
            return Turn(BodyReply("request"))
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        return await self._decide(self._admitted, body, in_headers=False)

    async def _decide(self, admitted: Admitted, body: bytes | None, *, in_headers: bool) -> Turn:
        matched = admitted.matched
        if body is not None and len(body) > matched.snapshot.limits.body:
            return self._refuse(_too_large(matched.snapshot), matched, caller=admitted.identity.caller.name)
        facts = await _read(admitted, body)
        if isinstance(facts, Refusal):
            return self._refuse(facts, matched, caller=admitted.identity.caller.name)
        facts = facts if matched.given is None else replace(facts, given=matched.given)
        observations = self._desk.books.observations(matched.snapshot)
        decision = decide(facts, matched.snapshot, observations, self._desk.now(), self._desk.draw())
        if isinstance(decision.outcome, Refusal):
            return self._refuse(decision.outcome, matched, facts, facts.caller.name)
        received = self._received(admitted)
        call = self._call(facts, received, body, asks_usage(facts, matched.route))
        plan = await _rehearsed(decision.outcome, call, facts, matched)
        if isinstance(plan, Refusal):
            return self._refuse(plan, matched, facts, facts.caller.name)
        if self._portable:
            first = matched.snapshot.providers[plan.steps[0].target.provider]
            plan = first_target(plan, len(first.endpoints), matched.route.failover.max_attempts)
        for target in dict.fromkeys(step.target for step in plan.steps):
            self._desk.books.reserve(target, self.id)
        self._report(plan, matched, facts)
        return self._carry_out(plan, facts, admitted, received, call, in_headers=in_headers)

    def _received(self, admitted: Admitted) -> Received:
        headers = admitted.headers
        return Received(
            id=self.id,
            method=headers.get(":method") or "",
            path=headers.get(":path") or "",
            content_type=headers.get("content-type") or "",
            credential=admitted.identity.credential,
        )

    def _carry_out(
        self, plan: Plan, facts: Facts, admitted: Admitted, received: Received, call: Call, *, in_headers: bool
    ) -> Turn:
        matched, headers = admitted.matched, admitted.headers
        attended = facts.answer_shown and is_attended(plan, call, matched.route, matched.snapshot)
        if attended or self._portable:
            self._answer = AttendedAnswer(plan, _kept(call), matched.snapshot, only_errors=not attended)
        told = portable_metadata if self._portable else plan_metadata
        metadata = told(plan, matched.snapshot, facts, matched.route, received, attended=attended)
        if self._portable:
            edit = portable_llm_headers(headers, plan, matched.snapshot, facts)
        else:
            edit = llm_headers(headers, plan)
        shadow = None if admitted.endpoint.by_provider else matched.route.shadow
        copy = copy_headers(shadow, metadata, facts, matched.snapshot)
        if copy and shadow is not None:
            self._desk.books.shadow_sent(shadow.target)
            edit = replace(edit, set=(*edit.set, *copy))
        kind = HeadersReply if in_headers else BodyReply
        reply = kind("request", edit=edit, clear_route=True, metadata=metadata)
        return Turn(reply, done=self._answer is None)

    def _call(self, facts: Facts, received: Received, body: bytes | None, ask_usage: bool) -> Call:
        """The request as the pair of whichever target answers will want it."""
        path, _, query = received.path.partition("?")
        call = Call(
            endpoint=facts.endpoint,
            method=received.method,
            path=path,
            query=query,
            content_type=received.content_type,
            body=body,
            stream=facts.stream,
            body_model=facts.body_model,
            own_fields=facts.own_fields,
            features=facts.features,
            usage_asked=facts.usage_asked,
            ask_usage=ask_usage,
            id=self.id,
            created=int(self._desk.epoch()),
        )
        chat = as_chat(call)
        return call if isinstance(chat, Refusal) else chat

    # --- what needs no plan ------------------------------------------------------------------------------------------

    def _pass_to_service(self, matched: Matched, headers: Headers) -> Turn:
        edit = portable_service_headers(headers) if self._portable else service_headers(headers)
        return Turn(HeadersReply("request", edit=edit, metadata=self._told(matched)), done=True)

    def _answer_itself(self, endpoint: Endpoint, matched: Matched, headers: Headers, identity: Identified) -> Turn:
        if endpoint.family == "models":
            return self._list_models(matched, headers, identity)
        pages = self._desk.pages
        if pages is None:
            return self._refuse(unknown_endpoint("GET", headers.get(":path") or ""), matched)
        if endpoint.name == "health_of_providers":
            document, status = pages.health_of_providers(identity.caller), 200
        else:
            document = pages.health() if endpoint.name == "health" else pages.ready()
            status = health_status(document)
        told = self._told(matched, identity.caller.name)
        return Turn(page_reply(document, status, self.id, told), done=True)

    def _list_models(self, matched: Matched, headers: Headers, identity: Identified) -> Turn:
        usable = usable_names(matched.snapshot, matched.route, identity.caller)
        listed = [ModelName(one.name, one.owner) for one in usable]
        return Turn(
            models_reply(
                headers.get(":path") or "", listed, "openai", self.id, self._told(matched, identity.caller.name)
            ),
            done=True,
        )

    # --- refusing and telling ----------------------------------------------------------------------------------------

    def _refuse(
        self, refusal: Refusal, matched: Matched | None, facts: Facts | None = None, caller: str | None = None
    ) -> Turn:
        self._report(refusal, matched, facts)
        return Turn(immediate(refusal, "openai", self.id, self._told(matched, caller)), done=True)

    def _told(self, matched: Matched | None, caller: str | None = None) -> Metadata:
        """What logs may print of an exchange without a plan."""
        told = {names.M_ID: self.id, names.M_CALLER: caller}
        if matched is not None:
            told |= {names.M_SNAPSHOT: matched.snapshot.id, names.M_ROUTE: matched.route.name}
            told |= {names.M_ENDPOINT: matched.endpoint}
        return {names.META: {key: value for key, value in told.items() if value is not None}}

    def _report(self, outcome: Plan | Refusal, matched: Matched | None, facts: Facts | None) -> None:
        self._desk.books.decided(
            Decided(
                exchange_id=self.id,
                request_id=self._request_id,
                snapshot_id=matched.snapshot.id if matched else "",
                route=matched.route.name if matched else "",
                endpoint=matched.endpoint if matched else "",
                outcome=outcome,
                facts=facts,
                took=self._desk.now() - self._began,
            )
        )

    # --- the answer --------------------------------------------------------------------------------------------------

    async def _on_response(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Turn:
        if self._answer is not None:
            return await self._answer.on(event)
        if isinstance(event, HeadersEvent):
            return Turn(HeadersReply("response"), done=True)
        if isinstance(event, BodyEvent):
            return Turn(BodyReply("response"))
        return Turn(TrailersReply("response"))


def _kept(call: Call) -> Call:
    """What is held until an answer ends: pictures of a stream of minutes would be held for nothing."""
    large = call.body is not None and len(call.body) > LARGE_BODY
    return replace(call, body=without_media(call.body)) if large and call.body is not None else call


def is_attended(plan: Plan, call: Call, route: Route, snapshot: Snapshot) -> bool:
    """Whether some target's answer must come by here: to be translated, or read where the route asks for it."""
    if is_by_provider(call.endpoint):
        return False
    if call.ask_usage or route.attend:
        return True
    for step in plan.steps:
        to = destination(snapshot.providers[step.target.provider], step.target.model)
        pair = pair_for("openai", to.provider.dialect, to.model, call.endpoint)
        if pair is not None and pair.reads_answer(call, to):
            return True
    return False


async def _rehearsed(plan: Plan, call: Call, facts: Facts, matched: Matched) -> Plan | Refusal:
    if call.body is None or not needs_rehearsal(plan, facts, matched.route):
        return plan
    if len(call.body) > LARGE_BODY:
        return await asyncio.to_thread(rehearsed, plan, _kept(call), matched.snapshot, matched.route)
    return rehearsed(plan, call, matched.snapshot, matched.route)


async def _read(admitted: Admitted, body: bytes | None) -> Facts | Refusal:
    """A large body is read beside the other exchanges, not before them."""
    asked = (admitted.endpoint, admitted.matched.route, admitted.headers, body, admitted.identity.caller)
    if body is not None and len(body) > LARGE_BODY:
        return await asyncio.to_thread(read_facts, *asked)
    return read_facts(*asked)


def _too_large(snapshot: Snapshot) -> Refusal:
    """Envoy holds more than this where an answer may need it."""
    return Refusal(Reason.REQUEST_TOO_LARGE, f"the body is larger than the {snapshot.limits.body} bytes that are read")
