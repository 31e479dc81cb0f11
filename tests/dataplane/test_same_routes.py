"""Envoy and the matcher of `explain` take the same route."""

from itertools import product

import pytest

from extproc import names
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
)  # fmt: skip
HEADERS = ({}, {"x-tier": "gold"}, {"host": "A.example:81"}, {"host": "x.b.example"}, {"host": "b.example"})


def test_envoy_and_the_matcher_agree() -> None:
    """Over a table of paths, methods, hosts and headers, and routes of every form."""
    with answering(UPSTREAM):
        made = snapshot(
            provider("good", UPSTREAM.endpoint),
            service("shop", UPSTREAM.endpoint),
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
            for path, method, headers in product(PATHS, ("GET", "POST"), HEADERS):
                processor.routes.clear()
                envoy.ask(method, path, {"x-plan": "good", **headers}, b"{}" if method == "POST" else None)
                others = {name: (value,) for name, value in headers.items() if name != "host"}
                entry = find(known, Asked(method, path, headers.get("host", f"127.0.0.1:{envoy.place.port}"), others))
                assert processor.routes == ([entry.key(made.id)] if entry else []), (path, method, headers)
    assert names.ENDPOINT_SERVICE in {entry.endpoint for entry in known}
