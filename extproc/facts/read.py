"""The facts of one request, from its headers, its body and the route that matched.

Law: a header that says something wins over the body, because a proxy in front of us writes headers; the body wins over
the caller's and the route's default, but a route's provider is left to the decision, because the name of a model may
name one too. The labels of a configured caller win over all, so that nobody charges another team. Text that reaches
logs and metrics is short and has no control characters; a name that is none is refused, not mended.
"""

import unicodedata
from collections.abc import Mapping
from typing import Final

from extproc import names
from extproc.dialects.digests import digest_of_name
from extproc.dialects.endpoints import Endpoint
from extproc.dialects.json_edit import NotAnObject
from extproc.dialects.openai.realtime import read_query
from extproc.dialects.registry import RequestBody, Requirement, WrongField, vocabulary
from extproc.facts.identify import Identified, identify
from extproc.facts.request import CallerFacts, Facts
from extproc.protocol.events import Headers
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Route

__all__ = ["Identified", "identify", "read_facts"]

LONGEST_LABEL: Final = 128
LONGEST_NAME: Final = 256
_MOST_REQUIREMENTS: Final = 32
_LISTS_OF_TAGS: Final = ("capabilities", "tags")
_LABEL_HEADERS: Final = {
    names.TEAM: "team",
    names.PROJECT: "project",
    names.CUSTOMER: "customer",
    names.CLASSIFICATION: "data_classification",
}
_NOT_SHOWN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control, surrogates, line and paragraph separators


def read_facts(
    endpoint: Endpoint, route: Route, headers: Headers, body: bytes | None, caller: CallerFacts
) -> Facts | Refusal:
    """`body` None: it is not read (multipart, uploads), so headers and route say all there is; of a WebSocket also its
    query."""
    read = read_query((headers.get(":path") or "").partition("?")[2]) if endpoint.upgrades else RequestBody()
    if body is not None and endpoint.body == "json":
        try:
            read = vocabulary("openai").read_request(endpoint.name, body, headers.get(names.MODEL))
        except NotAnObject as error:
            return Refusal(Reason.INVALID_JSON, f"{_sentence(error)}.")
        except WrongField as error:
            return Refusal(Reason.INVALID_REQUEST, f"{_sentence(error)}.", param=error.field)
    asked = {
        "model": (
            names.MODEL,
            read.model,
            _default_model(endpoint, route, headers.get(names.PROVIDER) or read.provider),
        ),
        "provider": (names.PROVIDER, read.provider, None),
        "routing_strategy": (names.STRATEGY, read.strategy, caller.strategy or route.strategy),
    }
    chosen: dict[str, str | None] = {}
    for field, (header, written, default) in asked.items():
        name = headers.get(header) or written or default
        if name is not None and (why := _no_name(name)):
            return Refusal(Reason.INVALID_REQUEST, f"`{field}` {why}.", param=field)
        chosen[field] = name
    if endpoint.by_provider and not endpoint.upgrades:
        chosen["model"] = None  # what these are about is no model's, whatever header or body say
    requirements = _requirements(read.requirements)
    return Facts(
        route=route.name,
        endpoint=endpoint.name,
        family=endpoint.family,
        model=chosen["model"],
        provider=chosen["provider"],
        strategy=chosen["routing_strategy"],
        fallback_enabled=read.fallback_enabled,
        stream=read.stream,
        usage_asked=read.usage_asked,
        input_tokens=read.input_tokens,
        max_output_tokens=read.max_output_tokens,
        needs=read.needs,
        features=read.features,
        caller=caller,
        labels=_labels(read.labels, headers, caller.labels),
        requirements=requirements,
        tags=_tags(requirements),
        session=digest_of_name(headers.get(names.SESSION)) or read.session,
        user=read.user,
        prefix=read.prefix,
        explain=(headers.get(names.EXPLAIN) or "").strip().lower() in ("true", "1"),
        body_model=read.model if read.model_once else None,  # None: «write it», so that one model stands there
        own_fields=read.own_fields,
        body_bytes=len(body) if body is not None else 0,
    )


def _default_model(endpoint: Endpoint, route: Route, provider: str | None) -> str | None:
    """A WebSocket without a model may be no conversation but a look at one, at the provider that is named."""
    return None if endpoint.upgrades and (provider or route.provider) else route.model


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[0].upper() + text[1:]


def _no_name(text: str) -> str | None:
    """Why this can be no name of a model, a provider or a strategy."""
    if len(text) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    if any(unicodedata.category(character) in _NOT_SHOWN for character in text):
        return "has control characters"
    return None


def _labels(written: Mapping[str, str], headers: Headers, fixed: Mapping[str, str]) -> dict[str, str]:
    said = {label: value for header, label in _LABEL_HEADERS.items() if (value := headers.get(header))}
    shown = {name: _shown(text) for name, text in {**written, **said, **fixed}.items()}
    return {name: text for name, text in shown.items() if text}


def _shown(text: str) -> str:
    """Cut first, so that a label of megabytes costs nothing."""
    kept = text[: 4 * LONGEST_LABEL]
    return "".join(c for c in kept if unicodedata.category(c) not in _NOT_SHOWN)[:LONGEST_LABEL].strip()


def _requirements(wanted: Mapping[str, Requirement]) -> dict[str, Requirement]:
    """All of them, also those that nothing in the gateway looks at: rules may, and `explain` shows them."""
    kept = list(wanted.items())[:_MOST_REQUIREMENTS]
    return {
        _shown(name): tuple(_shown(one) for one in value[:_MOST_REQUIREMENTS]) if isinstance(value, tuple) else value
        for name, value in kept
    }


def _tags(requirements: Mapping[str, Requirement]) -> frozenset[str]:
    """What is listed as `capabilities` or `tags`, and what is required by a name of its own: `{"vision": true}`."""
    listed = (requirements.get(name) for name in _LISTS_OF_TAGS)
    named = (name for name, value in requirements.items() if value is True)
    return frozenset((*named, *(tag for tags in listed if isinstance(tags, tuple) for tag in tags if tag)))
