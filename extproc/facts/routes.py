"""The routes of a snapshot, written out: every (route, endpoint, form of its path) in the order in which it is tried.

Law: the data plane makes Envoy's routes from this list and `explain` matches along it, so both mean the same. First
match wins. An LLM route has one entry for each endpoint that its path reaches, and behind them its catch-all, which
takes what the route matches and no endpoint is. After all routes as written, the unversioned LLM paths come once more,
where a route matches their /v1 form.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from extproc import names
from extproc.dialects.endpoints import ENDPOINTS, BodyKind, Endpoint
from extproc.facts import paths
from extproc.facts.paths import Tests
from extproc.snapshot import PathMatch, Route, Snapshot

VERSION_PREFIX = "/v1"


@dataclass(frozen=True, slots=True)
class Entry:
    """One route as Envoy knows it."""

    route: Route
    endpoint: str  # a name of dialects.endpoints, or `unknown`, `service` or `answer`
    tests: Tests  # all must hold
    methods: tuple[str, ...] = ()  # () is any
    body: BodyKind = "none"

    @property
    def is_last(self) -> bool:
        """Whether it takes what no other entry of its route has taken."""
        return self.endpoint in (names.ENDPOINT_UNKNOWN, names.ENDPOINT_SERVICE, names.ENDPOINT_ANSWER)

    def key(self, snapshot_id: str) -> str:
        return names.route_key(snapshot_id, self.route.name, self.endpoint)


def entries(snapshot: Snapshot) -> Iterator[Entry]:
    for route in snapshot.routes:
        if route.kind != "llm":
            endpoint = names.ENDPOINT_SERVICE if route.kind == "service" else names.ENDPOINT_ANSWER
            yield Entry(route, endpoint, paths.written(route.match.path), route.match.methods)
        else:
            yield from _as_written(route)
    for route in snapshot.routes:
        if route.kind == "llm":
            yield from _unversioned(route)


def _as_written(route: Route) -> Iterator[Entry]:
    for endpoint in ENDPOINTS:
        for path in (endpoint.path, endpoint.unversioned):
            tests = paths.reached(route.match.path, path, endpoint.is_prefix)
            yield from _endpoint_entry(route, endpoint, tests)
    yield Entry(route, names.ENDPOINT_UNKNOWN, paths.written(route.match.path), route.match.methods)


def _unversioned(route: Route) -> Iterator[Entry]:
    """The /v1 form is held against the route, the form without it against the request."""
    reached = [(endpoint, tests) for endpoint in ENDPOINTS if (tests := _only_with_version(route.match.path, endpoint))]
    for endpoint, tests in reached:
        yield from _endpoint_entry(route, endpoint, tests)
    for tests in dict.fromkeys(tests for _, tests in reached):
        yield Entry(route, names.ENDPOINT_UNKNOWN, tests, route.match.methods)  # known path, another method: 405


def _only_with_version(match: PathMatch, endpoint: Endpoint) -> Tests | None:
    """What the route reaches by the /v1 form, but not as written."""
    path, is_prefix = endpoint.unversioned, endpoint.is_prefix
    tests = paths.reached_unversioned(match, path, is_prefix, VERSION_PREFIX)
    return None if tests == paths.reached(match, path, is_prefix) else tests


def _endpoint_entry(route: Route, endpoint: Endpoint, tests: Tests | None) -> Iterator[Entry]:
    allowed = route.match.methods
    methods = tuple(method for method in endpoint.methods if not allowed or method in allowed)
    if tests is not None and methods:
        yield Entry(route, endpoint.name, tests, methods, endpoint.body)
