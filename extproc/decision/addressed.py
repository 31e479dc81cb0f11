"""Requests that go to the provider that is named: files, uploads, batches, WebSockets.

Law: one target, and nobody behind it, because what they are about is at one provider and nowhere else. Where no model
is named the family stands in its place: `openai/files` is what callers may be allowed, breakers count and logs print.
Whoever names nobody, or one whose API has no such endpoint, is told who could be named and how.
"""

from collections.abc import Sequence
from typing import Final

from extproc import names
from extproc.decision.contender import Contender
from extproc.decision.gather import Gathered, gather
from extproc.decision.question import Question
from extproc.decision.strategies import Ranked, codes
from extproc.decision.written import Group
from extproc.dialects.endpoints import BY_NAME, Endpoint
from extproc.dialects.registry import side_of
from extproc.facts.unknown import known_endpoints
from extproc.refusal import Reason, Refusal

NAMED: Final = codes.NAMED


def gather_addressed(question: Question) -> Gathered:
    """A model that is named stands for its providers as in any request."""
    if question.name is not None:
        return gather(question)
    if question.provider is None:
        return Gathered(refusal=_nobody_named(question))
    contender = question.index.listings[question.provider].without_model(question.facts.family)
    return Gathered((Group(NAMED, (contender,), _as_named),))


def _as_named(kept: Sequence[Contender]) -> Sequence[Ranked]:
    return [Ranked(one, None, "it has what the request is about", code=NAMED) for one in kept]


def has_none(question: Question, contenders: Sequence[Contender]) -> Refusal:
    """Whoever was named has an API without this endpoint."""
    named = ", ".join(dict.fromkeys(f"{one.provider.name} ({one.provider.dialect})" for one in contenders))
    family = question.facts.family
    return Refusal(
        Reason.UNKNOWN_ENDPOINT, f"The API of {named} has no {family}. {_who_has(question)}", param="provider"
    )


def _nobody_named(question: Question) -> Refusal:
    endpoint = BY_NAME[question.facts.endpoint]
    where = f"{endpoint.method} {endpoint.path}{'…' if endpoint.is_prefix else ''}"
    message = f"{where} goes to the provider that is named, and none is. {_who_has(question)} {known_endpoints()}"
    return Refusal(Reason.UNKNOWN_ENDPOINT, message, param="provider")


def _who_has(question: Question) -> str:
    endpoint = BY_NAME[question.facts.endpoint]
    having = [
        name
        for name, provider in question.snapshot.providers.items()
        if question.provider_allowed(name) and endpoint.name in side_of(provider.dialect, "").endpoints
    ]
    if not having:
        return f"No provider that you may use here has {endpoint.family}."
    return f"Name one of {', '.join(having)} by {' or '.join(_ways(endpoint))}; or the route fixes one."


def _ways(endpoint: Endpoint) -> list[str]:
    ways = [f"the header {names.PROVIDER}"]
    if endpoint.upgrades:
        ways += [f"?{names.PROVIDER_PARAMETER}= in the query", "a ?model= that is an alias or listed"]
    if endpoint.body == "json":
        ways.append("`provider` in the body")
    return ways
