"""Envoy and the matcher of `explain` take the same route: random routes, and requests near to what they match.

RANDOM_ROUTES_SEED=WORD tries others. A difference is told as its smallest case: what is left of routes and request when
nothing more can be taken away.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from extproc.facts.matcher import Asked, find
from extproc.facts.normal_path import normal
from extproc.facts.routes import entries
from extproc.snapshot import Snapshot
from tests.dataplane.matching import REFUSED, matching
from tests.dataplane.random_routes import Routes, Sent, compiled, random_routes, request

pytestmark = pytest.mark.envoy
TABLES, REQUESTS = 30, 100
SEEDS = os.environ.get("RANDOM_ROUTES_SEED", "one two").split()
Ours = Callable[[Snapshot, Sent], str]
Case = tuple[Routes, Sent]


def ours(snapshot: Snapshot, sent: Sent) -> str:
    """What `explain` says, in Envoy's words."""
    path = normal(sent.path)
    if path is None:
        return REFUSED
    entry = find(entries(snapshot), Asked(sent.method, path, sent.host, sent.read()))
    return entry.key(snapshot.id) if entry is not None else "none"


@pytest.mark.parametrize("seed", SEEDS)
def test_envoy_and_the_matcher_agree(seed: str) -> None:
    """Over hosts, paths of every form, methods, headers, queries, and paths that want to be read as others."""
    tables = [random_routes(Random(f"{seed} {number}")) for number in range(TABLES)]
    cases = [
        (routes, request(Random(f"{seed} {table} {number}"), routes))
        for table, routes in enumerate(tables)
        for number in range(REQUESTS)
    ]
    took, different = _compared(tables, cases, ours)
    assert not different, _told(_smallest(different[0], ours))
    matched = [name for name in took if name not in (REFUSED, "none")]
    assert len(matched) > len(cases) / 3, "most requests match nothing: they show nothing"
    endpoints = {name.rpartition("|")[2] for name in matched}
    assert endpoints >= {"service", "answer", "unknown"} and len(endpoints) > 10, endpoints


def test_a_difference_is_told_as_its_smallest_case() -> None:
    """A matcher that knows no headers is found out, and what is shown is a route with a header and little more."""

    def knows_no_headers(snapshot: Snapshot, sent: Sent) -> str:
        return ours(replace(snapshot, routes=tuple(map(_without_headers, snapshot.routes))), sent)

    tables = [random_routes(Random(f"wrong {number}")) for number in range(10)]
    cases = [(routes, request(Random(f"wrong {k}"), routes)) for routes in tables for k in range(40)]
    _, different = _compared(tables, cases, knows_no_headers)
    routes, sent = _smallest(different[0], knows_no_headers)
    assert len(routes) == 1 and list(routes[0]["match"]) == ["headers"] and len(routes[0]["match"]["headers"]) == 1
    assert (sent.path, sent.headers) == ("/", [])


def _without_headers(route: Any) -> Any:
    return replace(route, match=replace(route.match, headers={}))


def _compared(tables: list[Routes], cases: list[Case], said: Ours) -> tuple[list[str], list[Case]]:
    """What Envoy took, and the cases in which it is another than what is said."""
    snapshots = [compiled(routes) for routes in tables]
    place = {id(routes): number for number, routes in enumerate(tables)}
    took = []
    with matching(snapshots) as matchers:
        for routes, sent in cases:
            took.append(matchers[place[id(routes)]].took(sent.wire()))
    different = [
        case for case, name in zip(cases, took, strict=True) if said(snapshots[place[id(case[0])]], case[1]) != name
    ]
    return took, different


def _smallest(case: Case, said: Ours) -> Case:
    """Takes away one thing after the other as long as the difference stays."""
    while True:
        smaller = [*_with_less_of_the_routes(*case), *_with_less_of_the_request(*case)]
        for start in range(0, len(smaller), TABLES):
            some = smaller[start : start + TABLES]
            _, different = _compared([routes for routes, _ in some], some, said)
            if different:
                case = different[0]
                break
        else:
            return case


def _with_less_of_the_routes(routes: Routes, sent: Sent) -> list[Case]:
    found = [(routes[:at] + routes[at + 1 :], sent) for at in range(len(routes)) if len(routes) > 1]
    for at, route in enumerate(routes):
        fewer = [{key: value for key, value in route["match"].items() if key != gone} for gone in route["match"]]
        for part in ("headers", "query"):
            wanted = route["match"].get(part, {})
            fewer += [
                {**route["match"], part: {name: value for name, value in wanted.items() if name != gone}}
                for gone in wanted
                if len(wanted) > 1
            ]
        plain = [{"name": route["name"], "match": route["match"]}] if len(route) > 2 else []
        for new in ({**route, "match": match} for match in fewer):
            found.append(([*routes[:at], new, *routes[at + 1 :]], sent))
        found += [([*routes[:at], new, *routes[at + 1 :]], sent) for new in plain]
    return found


def _with_less_of_the_request(routes: Routes, sent: Sent) -> list[Case]:
    path, _, query = sent.path.partition("?")
    fewer = [replace(sent, headers=sent.headers[:at] + sent.headers[at + 1 :]) for at in range(len(sent.headers))]
    fewer += [replace(sent, path=path)] if query or sent.path != path else []
    fewer += [replace(sent, path="?".join(("/", *filter(None, [query]))))] if path != "/" else []
    parts = path.split("/")[1:]
    without = ["/" + "/".join(parts[:at] + parts[at + 1 :]) for at in range(len(parts)) if len(parts) > 1]
    fewer += [replace(sent, path=sent.path.replace(path, less, 1)) for less in without]
    fewer += [replace(sent, host="a")] if sent.host != "a" else []
    fewer += [replace(sent, method="GET")] if sent.method != "GET" else []
    return [(routes, less) for less in fewer]


def _told(case: Case) -> str:
    routes, sent = case
    made = compiled(routes)
    with matching([made]) as (matcher,):
        took = matcher.took(sent.wire())
    lines = [f"Envoy takes {took}, the matcher {ours(made, sent)}", f"request: {sent.wire()!r}"]
    return "\n".join([*lines, *(f"route: {route}" for route in routes)])
