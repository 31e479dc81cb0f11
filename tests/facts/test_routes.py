"""The list of routes, and the matcher that goes along it, against an oracle that reads the configuration's meaning."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc import names
from extproc.dialects.endpoints import ENDPOINTS
from extproc.facts.matcher import Asked, find, host_holds
from extproc.facts.paths import PathTest
from extproc.facts.routes import entries
from extproc.snapshot import Match, PathMatch, Route
from tests.dataplane.snapshots import llm, service, snapshot, to_service

ANY = PathMatch("any")
CHAT = "/v1/chat/completions"
UNVERSIONED = "/chat/completions"

TABLE: list[tuple[str, tuple[PathMatch, ...], str, str, str | None]] = [
    # what it shows, the paths of the LLM routes in order, method, path, `route number/endpoint`
    ("everything takes chat", (ANY,), "POST", CHAT, "0/chat"),
    ("the query is no part of the path", (ANY,), "POST", CHAT + "?a=/v1/models", "0/chat"),
    ("everything takes chat without a version", (ANY,), "POST", UNVERSIONED, "0/chat"),
    ("another method is for the catch-all", (ANY,), "GET", CHAT, "0/unknown"),
    ("a path that is no endpoint, too", (ANY,), "POST", "/v1/nothing", "0/unknown"),
    ("a glob over the version", (PathMatch("glob", "/v1/*"),), "POST", CHAT, "0/chat"),
    ("it takes the unversioned form as its own", (PathMatch("glob", "/v1/*"),), "POST", UNVERSIONED, "0/chat"),
    ("with another method too", (PathMatch("glob", "/v1/*"),), "GET", UNVERSIONED, "0/unknown"),
    ("but no unversioned path that is no endpoint", (PathMatch("glob", "/v1/*"),), "POST", "/nothing", None),
    (
        "as written goes first",
        (PathMatch("glob", "/v1/*"), PathMatch("exact", UNVERSIONED)),
        "POST",
        UNVERSIONED,
        "1/chat",
    ),
    ("an exact path takes nothing else", (PathMatch("exact", CHAT),), "POST", "/v1/embeddings", None),
    ("an exact path and its unversioned form", (PathMatch("exact", CHAT),), "POST", UNVERSIONED, "0/chat"),
    ("speech is read, though audio is a prefix of it", (ANY,), "POST", "/v1/audio/speech", "0/speech"),
    ("other audio passes unread", (ANY,), "POST", "/v1/audio/transcriptions", "0/audio"),
    ("one audio path by exact match", (PathMatch("exact", "/v1/audio/x"),), "POST", "/v1/audio/x", "0/audio"),
    ("the same, unversioned", (PathMatch("exact", "/v1/audio/x"),), "POST", "/audio/x", "0/audio"),
    ("a glob inside audio", (PathMatch("glob", "/v1/audio/*/x"),), "POST", "/v1/audio/a/b/x", "0/audio"),
    ("a glob inside audio, unversioned", (PathMatch("glob", "/v1/audio/*/x"),), "POST", "/audio/a/x", "0/audio"),
    ("a glob inside audio takes no other", (PathMatch("glob", "/v1/audio/*/x"),), "POST", "/v1/audio/a/y", None),
    ("a prefix above an endpoint", (PathMatch("prefix", "/v1"),), "POST", "/v1/audio/x", "0/audio"),
    ("a prefix below an endpoint", (PathMatch("prefix", "/v1/audio/x"),), "POST", "/v1/audio/x/y", "0/audio"),
    ("a prefix ends at a slash", (PathMatch("prefix", "/v1/audio/x"),), "POST", "/v1/audio/xy", None),
    ("an expression", (PathMatch("regex", "/v1/(chat|audio)/.*"),), "POST", "/v1/audio/x", "0/audio"),
    ("an expression that spells the version", (PathMatch("regex", "/v1/audio/[a-z]+"),), "POST", "/audio/x", "0/audio"),
    ("a model by its name", (ANY,), "GET", "/v1/models/gpt-4o", "0/model"),
    ("how the gateway is", (PathMatch("glob", "/v1/*"),), "GET", "/health", "0/health"),
    ("how its providers are", (PathMatch("glob", "/v1/*"),), "GET", "/health/providers", "0/health_of_providers"),
    ("whether it is ready", (ANY,), "GET", "/ready", "0/ready"),
    ("a page of the operator's own", (ANY,), "GET", "/health/mine", "0/unknown"),
    ("the list of models", (ANY,), "GET", "/models", "0/models"),
    ("the same, its headers alone", (PathMatch("glob", "/v1/*"),), "HEAD", "/models", "0/models"),
    ("of nobody else's answer", (ANY,), "HEAD", CHAT, "0/unknown"),
    ("a WebSocket", (PathMatch("glob", "/v1/*"),), "GET", "/realtime?model=m", "0/realtime"),
    ("a file that comes", (ANY,), "POST", "/v1/files", "0/file_upload"),
    ("files that are listed", (ANY,), "GET", "/v1/files?limit=1", "0/files"),
    ("one that is read", (PathMatch("exact", "/v1/files/f/content"),), "GET", "/files/f/content", "0/file"),
    ("one that is deleted", (ANY,), "DELETE", "/files/f", "0/file_delete"),
    ("a batch that is ended", (ANY,), "POST", "/v1/batches/b/cancel", "0/batch_cancel"),
    ("a file in parts", (PathMatch("prefix", "/v1/uploads"),), "POST", "/uploads/u/parts", "0/upload"),
    ("a file that is changed", (ANY,), "PUT", "/v1/files/f", "0/unknown"),
    ("the first that matches", (PathMatch("glob", "/v1/chat/*"), ANY), "POST", CHAT, "0/chat"),
    ("the second for the rest", (PathMatch("glob", "/v1/chat/*"), ANY), "POST", "/v1/embeddings", "1/embeddings"),
]


@pytest.mark.parametrize(("shows", "routes", "method", "path", "found"), TABLE, ids=[row[0] for row in TABLE])
def test_the_table(shows: str, routes: tuple[PathMatch, ...], method: str, path: str, found: str | None) -> None:
    """Paths, forms and methods reach the route and endpoint that the documentation promises."""
    entry = find(entries(snapshot(*(llm(str(n), path) for n, path in enumerate(routes)))), Asked(method, path))
    assert (f"{entry.route.name}/{entry.endpoint}" if entry else None) == found, shows


def test_a_service_before_an_llm_route_takes_its_paths() -> None:
    """Routes of both kinds stand in one order."""
    route = to_service("shop", PathMatch("exact", UNVERSIONED))
    found = find(
        entries(snapshot(service("shop"), llm("llm", PathMatch("prefix", "/v1")), route)), Asked("POST", UNVERSIONED)
    )
    assert found is not None and found.endpoint == names.ENDPOINT_SERVICE


def test_only_json_endpoints_have_their_body_read() -> None:
    """Uploads, lists and whatever is no endpoint pass without being buffered."""
    read = {entry.endpoint for entry in entries(snapshot(llm())) if entry.body == "json"}
    assert read == {endpoint.name for endpoint in ENDPOINTS if endpoint.body == "json"}


def test_a_route_of_one_method_has_no_endpoint_of_another() -> None:
    """GET routes reach what the gateway tells of itself, what is looked at and listed, and not chat."""
    route = Route("get", Match(methods=("GET",)))
    got = {endpoint.name for endpoint in ENDPOINTS if endpoint.method == "GET"}
    assert {e.endpoint for e in entries(snapshot(route))} == {*got, names.ENDPOINT_UNKNOWN}
    assert {"models", "model", "health", "realtime", "files"} <= got and "chat" not in got


MATCHES: list[tuple[str, Match, Asked, bool]] = [
    ("host", Match(hosts=("a.example",)), Asked("GET", "/", "A.example:8080"), True),
    ("another host", Match(hosts=("a.example",)), Asked("GET", "/", "b.example"), False),
    ("header", Match(headers={"X-Tier": "gold"}), Asked("GET", "/", headers={"x-tier": ("gold",)}), True),
    ("another value", Match(headers={"x-tier": ("gold",)}), Asked("GET", "/", headers={"x-tier": ("tin",)}), False),
    ("header present", Match(headers={"x-tier": "*"}), Asked("GET", "/", headers={"x-tier": ("",)}), True),
    ("header absent", Match(headers={"x-tier": "*"}), Asked("GET", "/"), False),
    ("any of several", Match(headers={"x-tier": "tin"}), Asked("GET", "/", headers={"x-tier": ("a", "tin")}), True),
    ("a list is one", Match(headers={"accept": "b"}), Asked("GET", "/", headers={"accept": ("a", "b")}), False),
    ("with its commas", Match(headers={"accept": "a,b"}), Asked("GET", "/", headers={"accept": ("a", "b")}), True),
    ("query", Match(query={"a": "1"}), Asked("GET", "/?b=2&a=1"), True),
    ("the first of a name", Match(query={"a": "1"}), Asked("GET", "/?a=2&a=1"), False),
    ("query present", Match(query={"a": "*"}), Asked("GET", "/?a"), True),
    ("query absent", Match(query={"a": "*"}), Asked("GET", "/"), False),
]


@pytest.mark.parametrize(("shows", "match", "asked", "holds"), MATCHES, ids=[row[0] for row in MATCHES])
def test_what_else_a_route_may_ask(shows: str, match: Match, asked: Asked, holds: bool) -> None:
    """Hosts, headers and query parameters."""
    assert (find(entries(snapshot(Route("r", match))), asked) is not None) == holds, shows


def test_hosts() -> None:
    """A star stands for one or more names below, never for the name itself."""
    assert host_holds("*.example.com", "a.b.example.com:443")
    assert not host_holds("*.example.com", "example.com")
    assert not host_holds("*.example.com", "badexample.com")
    assert host_holds("[::1]", "[::1]:80")
    assert host_holds("a.example:81", "A.example:81") and host_holds("*.example:81", "a.example:81")
    assert not host_holds("a.example:81", "a.example") and not host_holds("a.example:81", "a.example:82")
    assert host_holds("*", "anything")


def test_forms_of_path_tests() -> None:
    """`below` stops at a slash, `prefix` does not, `regex` holds for the whole."""
    assert PathTest("below", "/a").holds("/a/b") and not PathTest("below", "/a").holds("/ab")
    assert PathTest("prefix", "/a").holds("/ab")
    assert not PathTest("regex", "/a").holds("/ab")


PATHS = st.sampled_from(
    [e.path for e in ENDPOINTS]
    + [e.unversioned for e in ENDPOINTS]
    + ["/v1/files/f/content", "/files/f", "/v1/batches/b/cancel", "/uploads/u/parts"]
    + ["/", "/v1", "/v1/", "/v1/audio/a/x", "/audio/a/x", "/v2/x", "/models/m"]
)
ROUTE_PATHS = st.one_of(
    st.just(ANY),
    st.builds(PathMatch, st.just("exact"), PATHS),
    st.builds(
        PathMatch, st.just("prefix"), st.sampled_from(["/v1", "/v1/", "/v1/audio", "/v1/audio/a", "/audio", "/v2"])
    ),
    st.builds(
        PathMatch,
        st.just("glob"),
        st.sampled_from(
            [
                "/v1/*",
                "*",
                "/*/audio/*",
                "/v1/audio/*/x",
                "*/x",
                "/v*/models*",
                "/audio/*",
                "/v1/models/*m",
                "*audio*",
                "/v1/files/*/content",
            ]
        ),
    ),
)
ROUTES = st.builds(
    lambda path, methods: (path, methods),
    ROUTE_PATHS,
    st.sampled_from([(), ("GET",), ("POST",), ("GET", "PUT"), ("HEAD", "DELETE")]),
)


def takes(match: PathMatch, path: str) -> bool:
    """The meaning of a route's path, by another way than paths.py goes."""
    match match.kind:
        case "any":
            return True
        case "exact":
            return path == match.text
        case "prefix":
            return (path + "/").startswith(match.text.rstrip("/") + "/") and (
                match.text[-1:] != "/" or path.startswith(match.text)
            )
        case "glob":
            return re.fullmatch(".*".join(map(re.escape, match.text.split("*"))), path) is not None
        case _:
            raise AssertionError(match.kind)


def endpoint_of(path: str, method: str) -> str:
    """The endpoint that a versioned path is, exact before prefix."""
    ranked = sorted(ENDPOINTS, key=lambda endpoint: endpoint.is_prefix)
    return next(
        (
            e.name
            for e in ranked
            if method in e.methods and (path.startswith(e.path) if e.is_prefix else path == e.path)
        ),
        names.ENDPOINT_UNKNOWN,
    )


def is_llm_path(path: str) -> bool:
    return any(path.startswith(e.path) if e.is_prefix else path == e.path for e in ENDPOINTS)


def oracle(routes: list[tuple[PathMatch, tuple[str, ...]]], method: str, path: str) -> str | None:
    """The documentation's words: first match wins; unversioned LLM paths are /v1 unless matched as written."""
    versioned = f"/v1{path}" if is_llm_path(f"/v1{path}") else path
    for asked in (path, versioned):
        for number, (match, methods) in enumerate(routes):
            if takes(match, asked) and (not methods or method in methods):
                return f"{number}/{endpoint_of(versioned, method)}"
    return None


@given(st.lists(ROUTES, min_size=1, max_size=4), st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE"]), PATHS)
def test_the_matcher_means_what_the_documentation_says(
    routes: list[tuple[PathMatch, tuple[str, ...]]], method: str, path: str
) -> None:
    """For any routes and any path, matcher and oracle name the same route and endpoint."""
    made = [
        replace(llm(str(n), match), match=Match(match, methods=methods)) for n, (match, methods) in enumerate(routes)
    ]
    entry = find(entries(snapshot(*made)), Asked(method, path))
    assert (f"{entry.route.name}/{entry.endpoint}" if entry else None) == oracle(routes, method, path)
