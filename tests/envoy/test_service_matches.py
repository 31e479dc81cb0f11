"""Which route of services takes a request, and what its service is told: row by row through a real Envoy."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.envoy.gateway import Gateway, running
from tests.envoy.raw import exchange
from tests.envoy.upstream import Asked, Upstream, scripted, whole

# By the name that the route is given; the service is told it in a header.
ROUTES: dict[str, dict[str, Any]] = {
    "host": {"match": {"host": "a.test", "path": "/host"}},
    "hosts": {"match": {"host": ["b.test", "c.test"], "path": "/host"}},
    "host-below": {"match": {"host": "*.below.test", "path": "/host"}},
    "host-any": {"match": {"host": "*", "path": "/any-host"}},
    "exact": {"match": {"path": "/exact"}, "rewrite": {"path": "/new"}},
    "prefix": {"match": {"path_prefix": "/prefix"}, "rewrite": {"path": "/inner"}},
    "prefix-slash": {"match": {"path_prefix": "/slash/"}, "rewrite": {"path": "/inner/"}},
    "prefix-root": {"match": {"path_prefix": "/gone"}, "rewrite": {"path": "/"}},
    "glob": {"match": {"path": "/glob/*/of/*.json"}, "rewrite": {"path": "/$2/$1"}},
    "glob-thrice": {"match": {"path": "/three/*/*/*"}, "rewrite": {"path": "/$3$2$1$1"}},
    "glob-kept": {"match": {"path": "/kept/*"}},
    "regex": {"match": {"path_regex": "/user/([0-9]+)/(a|b)"}, "rewrite": {"path": "/u-$1-$2"}},
    "get": {"match": {"path": "/method", "method": "GET"}},
    "others": {"match": {"path": "/method", "method": ["PUT", "PROPFIND"]}},
    "header": {"match": {"path": "/header", "headers": {"X-Tier": "gold"}}},
    "header-there": {"match": {"path": "/header", "headers": {"x-tier": "*"}}},
    "two-headers": {"match": {"path": "/two", "headers": {"x-a": "1", "x-b": "2"}}},
    "query": {"match": {"path": "/query", "query": {"a": "1"}}},
    "query-there": {"match": {"path": "/query", "query": {"b": "*"}}},
    "query-escaped": {"match": {"path": "/escaped", "query": {"a": "x%20y"}}},
    "inner-host": {"match": {"path": "/inner-host"}, "rewrite": {"host": "inner.test:8080"}},
    "both": {
        "match": {"host": "a.test", "path": "/both/*", "method": "POST", "headers": {"x-a": "1"}, "query": {"q": "*"}}
    },
    "odd": {"match": {"path": "/odd.(x)/*"}, "rewrite": {"path": "/back\\slash/$1"}},
}


async def telling(asked: Asked, writer: asyncio.StreamWriter) -> None:
    told = {"route": asked.headers.get("x-route"), "path": asked.path, "host": asked.headers["host"]}
    writer.write(whole(json.dumps(told).encode()))


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with scripted(telling) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: Upstream) -> Iterator[Gateway]:
    routes = [
        {
            "name": name,
            "service": "one",
            **route,
            "rewrite": {**route.get("rewrite", {}), "headers": {"x-route": name}},
        }
        for name, route in ROUTES.items()
    ]
    with running({"services": {"one": {"endpoints": [upstream.origin]}}, "routes": routes}) as gateway:
        yield gateway


ROWS: list[tuple[str, str, str | None]] = [
    # (first line and headers of the request, what the service is told: route and path; None: no route takes it)
    ("GET /host|host: a.test", "host", "/host"),
    ("GET /host|host: A.TEST:8443", "host", "/host"),
    ("GET /host|host: c.test", "hosts", "/host"),
    ("GET /host|host: x.y.below.test:1", "host-below", "/host"),
    ("GET /host|host: below.test", "", None),
    ("GET /host|host: a.test.evil", "", None),
    ("GET /any-host|host: [::1]:8080", "host-any", "/any-host"),
    ("GET /exact?a=1&b=%2F", "exact", "/new?a=1&b=%2F"),
    ("GET /exact/", "", None),
    ("GET /Exact", "", None),
    ("GET /prefix", "prefix", "/inner"),
    ("GET /prefix/a/b?x=/prefix", "prefix", "/inner/a/b?x=/prefix"),
    ("GET /prefixed", "", None),
    ("GET /slash/a", "prefix-slash", "/inner/a"),
    ("GET /gone/a/b", "prefix-root", "/a/b"),
    ("GET /glob/a/b/of/c/d.json", "glob", "/c/d/a/b"),
    ("GET /glob/a/of/of/b.json", "glob", "/b/a/of"),
    ("GET /glob/a/of/b.jsonx", "", None),
    ("GET /three/a/b/c/d", "glob-thrice", "/dca/ba/b"),
    ("GET /kept/%E2%82%AC%20a+b?q=%C3%A9", "glob-kept", "/kept/%E2%82%AC%20a+b?q=%C3%A9"),
    ("GET /user/12/b", "regex", "/u-12-b"),
    ("GET /user/12/bb", "", None),
    ("GET /method", "get", "/method"),
    ("PUT /method", "others", "/method"),
    ("PROPFIND /method", "others", "/method"),
    ("POST /method", "", None),
    ("GET /header|x-tier: gold", "header", "/header"),
    ("GET /header|X-TIER: gold", "header", "/header"),
    ("GET /header|x-tier: Gold", "header-there", "/header"),
    ("GET /header|x-tier:", "header-there", "/header"),
    ("GET /header", "", None),
    ("GET /two|x-a: 1|x-b: 2", "two-headers", "/two"),
    ("GET /two|x-a: 1", "", None),
    ("GET /query?b=2&a=1", "query", "/query?b=2&a=1"),
    ("GET /query?a=2&a=1", "", None),
    ("GET /query?a=2&b", "query-there", "/query?a=2&b"),
    ("GET /query?%61=1", "", None),
    ("GET /query?a=%31", "", None),
    ("GET /escaped?a=x%20y", "query-escaped", "/escaped?a=x%20y"),
    ("GET /escaped?a=x+y", "", None),
    ("POST /both/x?q=1|host: a.test|x-a: 1", "both", "/both/x?q=1"),
    ("POST /both/x|host: a.test|x-a: 1", "", None),
    ("GET /odd.(x)/1", "odd", "/back\\slash/1"),
    ("GET /oddy(x)/1", "", None),
    # what is written in another way is read as it is meant, before any route looks at it
    ("GET //exact", "exact", "/new"),
    ("GET /a/../exact", "exact", "/new"),
    ("GET /./exact", "exact", "/new"),
    ("GET /%65xact", "exact", "/new"),
    ("GET /prefix/%2E%2E/exact", "exact", "/new"),
    ("GET http://a.test/host|host: b.test", "host", "/host"),
    ("GET /prefix/" + "x" * 8000, "prefix", "/inner/" + "x" * 8000),
]


@pytest.mark.parametrize(("asked", "route", "path"), ROWS, ids=[row[0][:60] for row in ROWS])
def test_a_request_takes_this_route(gateway: Gateway, asked: str, route: str, path: str | None) -> None:
    line, *headers = asked.split("|")
    if not any(header.startswith("host:") for header in headers):
        headers.append("host: else.test")
    answer = exchange(gateway.port, "\r\n".join([f"{line} HTTP/1.1", *headers, "content-length: 0", "", ""]).encode())
    if path is None:
        assert answer.status == 404 and b"route_not_found" in answer.rest, answer
        return
    told = json.loads(answer.rest)
    assert (answer.status, told["route"], told["path"]) == (200, route, path)


def test_a_service_is_asked_for_by_the_callers_host_or_the_one_that_is_written(gateway: Gateway) -> None:
    for line, host in (("GET /exact", b"else.test:81"), ("GET /inner-host", b"inner.test:8080")):
        answer = exchange(gateway.port, line.encode() + b" HTTP/1.1\r\nhost: else.test:81\r\n\r\n")
        assert json.loads(answer.rest)["host"] == host.decode()


@pytest.mark.parametrize("path", [b"/prefix%2Fa", b"/prefix/..%2fexact", b"/prefix%5Ca"])
def test_a_slash_in_disguise_is_refused(gateway: Gateway, upstream: Upstream, path: bytes) -> None:
    upstream.asked.clear()
    answer = exchange(gateway.port, b"GET " + path + b" HTTP/1.1\r\nhost: x\r\n\r\n")
    assert answer.status == 400 and upstream.asked == []


def test_a_path_that_is_longer_than_headers_may_be_is_refused(gateway: Gateway, upstream: Upstream) -> None:
    upstream.asked.clear()
    answer = exchange(gateway.port, b"GET /prefix/" + b"x" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n")
    assert answer.status == 431 and upstream.asked == []
