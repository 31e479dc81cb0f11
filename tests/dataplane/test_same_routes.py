"""Envoy and the matcher of `explain` take the same route."""

import random
from dataclasses import replace
from itertools import product

import pytest

from extproc import names
from extproc.dialects.endpoints import ENDPOINTS
from extproc.facts.matcher import Asked, find
from extproc.facts.routes import entries
from extproc.snapshot import Match, PathMatch, Route
from tests.dataplane.envoy import eventually, running
from tests.dataplane.processor import Processor, serving
from tests.dataplane.snapshots import llm, provider, service, snapshot, to_service
from tests.dataplane.upstream import Upstream, answering

pytestmark = pytest.mark.envoy
UPSTREAM = Upstream()

PATHS = (
    "/v1/chat/completions", "/chat/completions", "/v1/audio/a/x", "/audio/a/x", "/audio/b", "/v1/audio/speech",
    "/v1/models/m", "/models", "/nothing", "/shop", "/shop/a", "/shopping", "/a.b/1.json?q=/x",
    "/users/12", "/users/x", "/q?a=1&b=2",
    "/q?a=2&a=1", "/q?b=%31", "/v1/responses?a=1", "/deep/v1/embeddings",
    "/v1/files", "/files?limit=1", "/v1/files/f/content", "/files/f", "/v1/batches", "/batches/b/cancel",
    "/v1/uploads", "/uploads/u/parts", "/v1/realtime?model=m", "/realtime",
)  # fmt: skip
HEADERS = ({}, {"x-tier": "gold"}, {"host": "A.example:81"}, {"host": "x.b.example"}, {"host": "b.example"})
ASKED = [*product(PATHS, ("GET", "POST"), HEADERS), *product(PATHS, ("DELETE", "HEAD"), HEADERS[:1])]


def test_envoy_and_the_matcher_agree() -> None:
    """Over a table of paths, methods, hosts and headers, and routes of every form."""
    with answering(UPSTREAM):
        made = snapshot(
            provider("good", UPSTREAM.endpoint),
            service("shop", UPSTREAM.endpoint),
            Route("content", Match(PathMatch("glob", "/v1/files/*/content"), headers={"x-tier": "gold"})),
            Route("host", Match(PathMatch("glob", "/v1/c*"), hosts=("a.example", "*.b.example"))),
            Route("tier", Match(headers={"X-Tier": "gold"}, methods=("POST",), path=PathMatch("glob", "/v1/*"))),
            Route("query", Match(PathMatch("prefix", "/q"), query={"a": "1", "b": "*"})),
            Route("present", Match(PathMatch("exact", "/q"), query={"b": "*"})),
            to_service("shop", PathMatch("prefix", "/shop")),
            to_service("shop", PathMatch("glob", "/a.b/*.json")),
            to_service("shop", PathMatch("regex", "/users/[0-9]+")),
            llm("audio", PathMatch("glob", "/v1/audio/*/x")),
            llm("speech", PathMatch("exact", "/v1/audio/speech")),
            llm("prefix", PathMatch("prefix", "/v1")),
        )
        known = list(entries(made))
        with running(made) as envoy, serving(Processor(), envoy.place) as processor:
            eventually(lambda: envoy.ask("GET", "/v1/models", {"x-plan": "good"}).status == 200, within=10)
            for path, method, headers in ASKED:
                processor.routes.clear()
                envoy.ask(method, path, {"x-plan": "good", **headers}, b"{}" if method == "POST" else None)
                others = {name: (value,) for name, value in headers.items() if name != "host"}
                entry = find(known, Asked(method, path, headers.get("host", f"127.0.0.1:{envoy.place.port}"), others))
                assert processor.routes == ([entry.key(made.id)] if entry else []), (path, method, headers)
    assert names.ENDPOINT_SERVICE in {entry.endpoint for entry in known}


# --- on random routes and requests -----------------------------------------------------------------------------------

PARTS = ("v1", "chat", "completions", "files", "audio", "a", "b", "a.b", "x", "models", "(x)", "c3a9")
RANDOM_ROUTES, RANDOM_REQUESTS = 14, 500


def random_path(dice: random.Random, *, stars: bool = False) -> str:
    parts = dice.choices((*PARTS, "*", "*.b") if stars else PARTS, k=dice.randint(1, 4))
    return "/" + "/".join(parts)


def random_match(dice: random.Random) -> Match:
    kinds = {
        "any": PathMatch("any"),
        "exact": PathMatch("exact", random_path(dice)),
        "prefix": PathMatch("prefix", random_path(dice)),
        "glob": PathMatch("glob", random_path(dice, stars=True)),
        "regex": PathMatch("regex", f"/v1/({dice.choice(PARTS[:6])}|{dice.choice(PARTS[:6])})(/.*)?"),
    }
    path = kinds[dice.choice(["exact", "prefix", "prefix", "glob", "glob", "regex"])]
    if path.kind == "glob" and "*" not in path.text:
        path = PathMatch("exact", path.text)
    return Match(
        path=path,
        hosts=dice.choice([(), (), ("a.example",), ("*.example", "b.example")]),
        methods=dice.choice([(), (), ("GET",), ("POST", "DELETE")]),
        headers=dice.choice([{}, {}, {"x-tier": "gold"}, {"x-tier": "*"}]),
        query=dice.choice([{}, {}, {"q": "1"}, {"q": "*"}]),
    )


def random_route(number: int, dice: random.Random) -> Route:
    name, match = f"r{number}", random_match(dice)
    if dice.random() < 0.5:
        return Route(name, match)
    return replace(to_service("shop", match.path), name=name, match=match)


def random_request(dice: random.Random, routes: list[Route]) -> Asked:
    """Often one that some route takes, or would but for one thing."""
    match = dice.choice(routes).match
    path = match.path.text.replace("*", random_path(dice)[1:]) if match.path.kind != "regex" else random_path(dice)
    path += dice.choice(["", "", "/x", random_path(dice)]) if match.path.kind == "prefix" else ""
    endpoint = dice.choice(ENDPOINTS)
    query = "?" + "&".join(f"{name}={value}" for name, value in match.query.items()) if match.query else ""
    fitting = {name: value.replace("*", "tin") for name, value in match.headers.items()}
    return Asked(
        method=dice.choice([*(match.methods or ("GET", "POST", "DELETE", "HEAD")), "GET", "POST"]),
        path=dice.choice([path, path, path, random_path(dice), endpoint.path, endpoint.unversioned])
        + dice.choice([query, query, "?q=1", "?q=2&q=1", "?p&q"]),
        host=dice.choice([*(host.replace("*", "X") for host in match.hosts), "a.example:80", "x.example", "else"]),
        headers=dice.choice([fitting, fitting, {}, {"x-tier": "gold"}]),
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_they_agree_on_random_routes_and_requests(seed: int) -> None:
    dice = random.Random(seed)
    with answering(UPSTREAM):
        routes = [random_route(number, dice) for number in range(RANDOM_ROUTES)]
        made = snapshot(provider("good", UPSTREAM.endpoint), service("shop", UPSTREAM.endpoint), *routes)
        known = list(entries(made))
        taken: set[str] = set()
        with running(made) as envoy, serving(Processor(), envoy.place) as processor:
            for _ in range(RANDOM_REQUESTS):
                asked = random_request(dice, routes)
                processor.routes.clear()
                sent = {"x-plan": "good", "host": asked.host, **asked.headers}
                envoy.ask(asked.method, asked.path, sent, b"{}" if asked.method == "POST" else None)
                entry = find(known, asked)
                assert processor.routes == ([entry.key(made.id)] if entry else []), asked
                taken.add(entry.route.name if entry else "none")
        assert len(taken) > RANDOM_ROUTES // 2, "the dice must reach most routes"
