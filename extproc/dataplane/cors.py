"""CORS in Envoy's words: its cors filter answers preflights and dresses every other answer, refusals included.

Law: where the gateway speaks for a route, an upstream's own word is taken away, and every answer says that it depends
on the origin. Envoy's filter does nothing on routes that lead nowhere (direct responses, redirects): these are written
twice, and a preflight to them is answered by a route to the sink, which the filter never lets it reach.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from extproc import names
from extproc.dataplane.form import Node, header, named, typed
from extproc.facts import globs
from extproc.snapshot import ANYTHING, Cors, Route, Snapshot

FILTER: Final = "envoy.filters.http.cors"
TIDY_FILTER: Final = "envoy.filters.http.header_mutation.cors"
ORIGIN: Final = "origin"
ASKED_METHOD: Final = "access-control-request-method"
ASKED_HEADERS: Final = "access-control-request-headers"
# What API clients in browsers send. `*` is for all others: browsers take it for every name but `authorization`, and
# for none beside credentials.
REQUEST_HEADERS: Final = (
    "authorization",
    "content-type",
    "x-api-key",
    "api-key",
    "idempotency-key",
    "openai-organization",
    "openai-project",
    "openai-beta",
    "anthropic-version",
    "anthropic-beta",
    "anthropic-dangerous-direct-browser-access",
    *(f"x-stainless-{name}" for name in ("lang", "package-version", "os", "arch", "runtime", "runtime-version")),
    *(f"x-stainless-{name}" for name in ("retry-count", "timeout", "read-timeout", "async", "helper-method")),
    "traceparent",
    "tracestate",
    *names.CALLER_HEADERS,
)
EXPOSED: Final = (*names.ANSWER_HEADERS, "retry-after", names.SHOULD_RETRY)
# What a browser sends without asking for it: a preflight does not name these.
UNASKED: Final = frozenset(
    {"accept", "accept-language", "content-language", "content-type", "host", "cookie", "origin", "user-agent"}
)


def policy_of(route: Route, snapshot: Snapshot) -> Cors | None:
    """None: nothing is said, and a service answers for itself."""
    policy = route.cors if route.cors is not None else snapshot.listen.cors
    return policy if policy is not None and policy.origins else None


def filters() -> list[Node]:
    """Off, but on routes that have a policy. The answer comes through the second one first."""
    return [
        {**named(FILTER, "filters.http.cors.v3.Cors"), "disabled": True},
        {**named(TIDY_FILTER, "filters.http.header_mutation.v3.HeaderMutation"), "disabled": True},
    ]


def on_route(policy: Cors | None) -> Node:
    """A route's settings of the two."""
    if policy is None:
        return {}
    return {FILTER: _policy(policy), TIDY_FILTER: _tidy()}


def _policy(policy: Cors) -> Node:
    return typed(
        "filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[_origin(text) for text in policy.origins],
        allow_methods=", ".join(policy.methods),
        allow_headers=", ".join(_request_headers(policy)),
        expose_headers=_exposed(policy),
        max_age=str(int(policy.max_age)),
        allow_credentials=policy.credentials,
        forward_not_matching_preflights=False,  # answered without a word of CORS, which is a no
    )


def _tidy() -> Node:
    said = ("access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers")
    return typed(
        "filters.http.header_mutation.v3.HeaderMutationPerRoute",
        mutations={"response_mutations": [*({"remove": name} for name in said), {"append": _depends_on_origin()}]},
    )


def _depends_on_origin() -> Node:
    return {"header": {"key": "vary", "value": ORIGIN}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}


def _origin(text: str) -> Node:
    if "*" in text:
        return {"safe_regex": {"regex": _expression(text)}}
    return {"exact": text}


def _expression(text: str) -> str:
    """`*` alone is every origin; before a host it is what is below it, in a port's place every port or none."""
    if text == ANYTHING:
        return ".+"
    start, port = (text.removesuffix(":*"), r"(?::[0-9]+)?") if text.endswith(":*") else (text, "")
    return globs.escape(start).replace(r"\*", r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*") + port


def _request_headers(policy: Cors) -> Sequence[str]:
    if policy.headers:
        return policy.headers
    return REQUEST_HEADERS if policy.credentials else (*REQUEST_HEADERS, ANYTHING)


def _exposed(policy: Cors) -> str:
    return ", ".join(dict.fromkeys((*EXPOSED, *policy.expose)))


# --- routes beside the routes ----------------------------------------------------------------------------------------


def preflight(match: Node, methods: Sequence[str] = ()) -> Node:
    """The match of the preflights of what `match` takes: with the method that is asked for in the method's place, and
    names of headers in the place of the headers themselves, which a preflight does not have."""
    asked = [_exact(":method", "OPTIONS"), {"name": ORIGIN, "present_match": True}, _asked_method(methods)]
    for test in match.get("headers", ()):
        if test["name"].startswith(":"):
            asked += [test] if test["name"] != ":method" else []
        elif test["name"] not in UNASKED:
            asked.append(_asked_header(test["name"]))
    return {**match, "headers": asked}


def _asked_method(methods: Sequence[str]) -> Node:
    if not methods:
        return {"name": ASKED_METHOD, "present_match": True}
    return {"name": ASKED_METHOD, "string_match": {"safe_regex": {"regex": "|".join(map(globs.escape, methods))}}}


def _asked_header(name: str) -> Node:
    regex = rf"(?i)(?:.*,)?\s*{globs.escape(name)}\s*(?:,.*)?"
    return {"name": ASKED_HEADERS, "string_match": {"safe_regex": {"regex": regex}}}


def _exact(name: str, value: str) -> Node:
    return {"name": name, "string_match": {"exact": value}}


def around_direct(route: Node, policy: Cors | None, nowhere: str, methods: Sequence[str] = ()) -> Iterator[Node]:
    """A route that leads nowhere, its preflights before it, and the same once more for scripts that may read it."""
    if policy is None:
        yield route
        return
    yield {
        "name": route["name"],
        "match": preflight(route["match"], methods),
        "route": {"cluster": nowhere},
        "typed_per_filter_config": {**route["typed_per_filter_config"], **on_route(policy)},
    }
    added = [*route.get("response_headers_to_add", ()), _depends_on_origin()]
    tests = route["match"].get("headers", [])
    yield {
        **route,
        "match": {**route["match"], "headers": [*tests, _from_allowed(policy)]},
        "response_headers_to_add": [*added, *_said_to_allowed(policy)],
    }
    yield {**route, "response_headers_to_add": added}


def _from_allowed(policy: Cors) -> Node:
    expressions = "|".join(_expression(text) for text in policy.origins)
    return {"name": ORIGIN, "string_match": {"safe_regex": {"regex": expressions}}}


def _said_to_allowed(policy: Cors) -> list[Node]:
    said = {"access-control-allow-origin": "%REQ(ORIGIN)%", "access-control-expose-headers": _exposed(policy)}
    if policy.credentials:
        said["access-control-allow-credentials"] = "true"
    return [header(name, value) for name, value in said.items()]
