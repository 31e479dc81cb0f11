"""`explain`: one request through the very rooms that decide, with nothing sent and nothing remembered."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from extproc import names, signing
from extproc.decision.decide import decide
from extproc.decision.explain import HIDDEN, Explanation, plain
from extproc.decision.first_target import first_target
from extproc.decision.plan import Decision, Observations, Plan
from extproc.decision.usable import usable_names
from extproc.dialects.endpoints import BY_NAME
from extproc.exchange.attempt import destination
from extproc.exchange.rehearsal import needs_rehearsal, rehearsed
from extproc.facts import matcher
from extproc.facts.identify import KEY_HEADERS, Identified
from extproc.facts.normal_path import normal
from extproc.facts.peer import named
from extproc.facts.read import identify, read_facts
from extproc.facts.request import CallerFacts, Facts
from extproc.facts.routes import entries
from extproc.facts.unknown import unknown_endpoint
from extproc.protocol.events import Headers
from extproc.protocol.replies import HeaderEdit
from extproc.refusal import Reason, Refusal
from extproc.rewrite.attempt import OriginalRequest, attempt_headers
from extproc.rewrite.router import llm_headers
from extproc.snapshot import Provider, Route, Snapshot, Target
from extproc.translation.pair import Call, Destination, TranslatedRequest
from extproc.translation.prompt import as_chat
from extproc.translation.registry import pair_for

NOTHING_OBSERVED = Observations()
UNREAD = Facts(route="", endpoint="", family="")


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    certificate: tuple[str, ...] = ()  # the names in the certificate that the client shows


def explain_request(
    snapshot: Snapshot,
    asked: Asked,
    *,
    now: float,
    draw: float,
    observed: Observations = NOTHING_OBSERVED,
    portable: bool = False,
) -> dict[str, Any]:
    """`observed` is what a running gateway sees, on the clock of `now`; `portable`: its Envoy walks no plan."""
    path = normal(asked.path)
    if path is None:
        return _refused(Refusal(Reason.INVALID_REQUEST, f"Envoy takes no such path: {asked.path}"), UNREAD)
    asked = replace(asked, path=path)
    entry = matcher.find(entries(snapshot), _as_matched(asked))
    if entry is None:
        return _refused(Refusal(Reason.ROUTE_NOT_FOUND, f"no route matches {asked.method} {asked.path}"), UNREAD)
    known = Facts(route=entry.route.name, endpoint=entry.endpoint, family="")
    if entry.route.kind != "llm":
        return _without_a_plan(known, entry.route)
    endpoint = BY_NAME.get(entry.endpoint)
    headers = _headers_of(asked)
    if endpoint is None:
        return _refused(unknown_endpoint(asked.method, asked.path), known)
    identity = _identity(headers, asked.certificate, snapshot)
    if isinstance(identity, Refusal):
        return _refused(identity, known)
    if endpoint.ours:
        lists = endpoint.family == "models"
        listed = usable_names(snapshot, entry.route, identity.caller) if lists else ()
        return _answered_here(known, identity.caller, [one.name for one in listed] if lists else None)
    facts = read_facts(endpoint, entry.route, headers, asked.body if endpoint.body == "json" else None, identity.caller)
    if isinstance(facts, Refusal):
        return _refused(facts, known)
    decided = decide(facts, snapshot, observed, now, draw)
    decision = _rehearsed(decided, facts, as_chat(_call(facts, asked)), snapshot, entry.route)
    if portable:
        decision = _first_alone(decision, snapshot, entry.route)
    if not isinstance(decision.outcome, Plan):
        return Explanation(facts, decision).document()
    return _planned(facts, decision, decision.outcome, asked, snapshot, headers).document()


def _rehearsed(decision: Decision, facts: Facts, call: Call | Refusal, snapshot: Snapshot, route: Route) -> Decision:
    """Without the targets that cannot be told what the request says."""
    plan = decision.outcome
    if isinstance(plan, Refusal) or isinstance(call, Refusal) or not needs_rehearsal(plan, facts, route):
        return decision
    outcome = rehearsed(plan, call, snapshot, route)
    kept = () if isinstance(outcome, Refusal) else outcome.steps
    gone = {step.target for step in plan.steps} - {step.target for step in kept}
    candidates = tuple(
        one._replace(kept=False, reason="it cannot be told all that the request says") if one.target in gone else one
        for one in decision.candidates
    )
    return Decision(outcome, candidates)


def _first_alone(decision: Decision, snapshot: Snapshot, route: Route) -> Decision:
    """Without the targets that only a plan would come to."""
    plan = decision.outcome
    if isinstance(plan, Refusal):
        return decision
    first = plan.steps[0].target
    endpoints = len(snapshot.providers[first.provider].endpoints)
    candidates = tuple(
        one._replace(kept=False, reason=f"{one.reason}; its Envoy walks no plan")
        if one.kept and one.target != first
        else one
        for one in decision.candidates
    )
    return Decision(first_target(plan, endpoints, route.failover.max_attempts), candidates)


def _planned(
    facts: Facts, decision: Decision, plan: Plan, asked: Asked, snapshot: Snapshot, headers: Headers
) -> Explanation:
    """With what the first attempt would send; where it would be refused at its target, with that refusal."""
    call = as_chat(_call(facts, asked))
    to = destination_of(plan.steps[0].target, snapshot)
    pair = None if isinstance(call, Refusal) else pair_for(facts.dialect, to.provider.dialect, to.model, call.endpoint)
    if isinstance(call, Refusal) or pair is None:
        return Explanation(facts, replace(decision, outcome=call) if isinstance(call, Refusal) else decision)
    translated = pair.request(call, to)
    if isinstance(translated, Refusal):
        return Explanation(facts, replace(decision, outcome=translated))
    told = {**_sent_headers(translated, _left(asked, llm_headers(headers, plan)), to.provider), **_told(plan, headers)}
    body = asked.body if translated.body is None else translated.body
    sends = {"method": translated.method, "path": translated.path, "body": _readable(body)}
    return Explanation(facts, decision, told, sends, translated.losses)


def _readable(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return f"{len(body)} bytes"


def _identity(headers: Headers, certificate: tuple[str, ...], snapshot: Snapshot) -> Identified | Refusal:
    """Whoever may explain has the configuration: a request that shows nothing is explained as nobody's."""
    if not certificate and not any(headers.get(name) for name in (*KEY_HEADERS, names.SUBPROTOCOLS)):
        return Identified(CallerFacts())
    return identify(headers, None, snapshot, named(certificate) if certificate else None)


def _told(plan: Plan, headers: Headers) -> dict[str, str]:
    """What Envoy would be told, and what the answer would say if its first target answers."""
    said = dict(llm_headers(headers, plan).set)
    return {**said, names.TARGET: str(plan.steps[0].target), names.REASON: plan.reason}


def destination_of(target: Target, snapshot: Snapshot) -> Destination:
    return destination(snapshot.providers[target.provider], target.model)


def _call(facts: Facts, asked: Asked) -> Call:
    path, _, query = asked.path.partition("?")
    return Call(
        endpoint=facts.endpoint,
        method=asked.method,
        path=path,
        query=query,
        content_type=asked.headers.get("content-type", ""),
        body=asked.body,
        stream=facts.stream,
        body_model=facts.body_model,
        own_fields=facts.own_fields,
        features=facts.features,
    )


def _left(asked: Asked, edit: HeaderEdit) -> Asked:
    """The request as the router leaves it to the attempts."""
    return replace(asked, headers={name: value for name, value in asked.headers.items() if name not in edit.remove})


def _sent_headers(translated: TranslatedRequest, asked: Asked, provider: Provider) -> dict[str, str]:
    """What the first attempt would send to its provider. That a credential goes along is shown, not which."""
    length = len(asked.body if translated.body is None else translated.body)
    present = Headers(tuple((name, value.encode()) for name, value in asked.headers.items()))
    original = OriginalRequest(asked.headers.get("content-type", ""), upgrades="upgrade" in asked.headers)
    edit = attempt_headers(present, translated, provider, original, length)
    kept = {name: value for name, value in asked.headers.items() if name not in edit.remove and name != "host"}
    credential = {} if provider.credential.kind == "none" else {provider.credential.header: ""}
    signed = dict.fromkeys(_signature_headers(provider), HIDDEN)
    return {**kept, **dict(edit.set), **credential, **signed}


def _signature_headers(provider: Provider) -> tuple[str, ...]:
    """By name: nothing is signed for an explanation."""
    return signing.headers_of(provider.sign.scheme) if provider.sign is not None else ()


def _refused(refusal: Refusal, facts: Facts) -> dict[str, Any]:
    return Explanation(facts, Decision(refusal)).document()


def _without_a_plan(facts: Facts, route: Route) -> dict[str, Any]:
    """A service, a redirect or an answer of Envoy's own needs no decision: the route is the plan."""
    document = Explanation(facts, Decision(Refusal(Reason.UNKNOWN_ENDPOINT, ""))).document()
    shares = {share.service: share.weight for share in route.services}
    told = {
        "service": next(iter(shares)) if len(shares) == 1 else shares or None,
        "mirror": plain(route.mirror),
        "redirect": plain(route.redirect),
        "respond": plain(route.respond),
    }
    said = {name: value for name, value in told.items() if value is not None}
    return {**document, "refusal": None, "plan": [], "candidates": [], **said}


def _answered_here(facts: Facts, caller: CallerFacts, models: list[str] | None) -> dict[str, Any]:
    """The gateway answers itself: with the names that this caller may use on this route, or with how it is."""
    document = Explanation(replace(facts, caller=caller), Decision(Refusal(Reason.UNKNOWN_ENDPOINT, ""))).document()
    told = {"models": models} if models is not None else {"answered": "by the gateway itself"}
    return {**document, "refusal": None, **told}


def _as_matched(asked: Asked) -> matcher.Asked:
    headers = {name: (value,) for name, value in asked.headers.items()}
    return matcher.Asked(asked.method, asked.path, asked.headers.get("host", ""), headers)


def _headers_of(asked: Asked) -> Headers:
    pseudo = {":method": asked.method, ":path": asked.path, ":authority": asked.headers.get("host", "")}
    return Headers(tuple((name, value.encode()) for name, value in {**pseudo, **asked.headers}.items()))
