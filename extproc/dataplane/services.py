"""Routes that lead to plain HTTP services, and those that Envoy answers itself.

Law: a service's request costs one message to the processor, and its body and answer pass by it; what Envoy answers
itself costs none. What a service is told is what the caller said, less what is ours and what the route rewrites.
"""

from collections.abc import Mapping
from typing import Final

from extproc import names
from extproc.dataplane import filters, rewriting
from extproc.dataplane.form import Node, header, seconds
from extproc.dataplane.place import Form
from extproc.facts.routes import Entry
from extproc.snapshot import Mirror, Redirect, Rewrite, Route, Snapshot

IDLE: Final = "600s"  # a silent answer, streamed or not, is given up after this
UPGRADES: Final = [{"upgrade_type": "websocket", "enabled": True}]
MILLION: Final = 1_000_000
TO_SERVICES_NEVER: Final = (
    *names.CALLER_HEADERS,
    names.CTL_PEER,  # the processor takes it off too, where it is asked
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-original-path",
)
# what an edge of ours takes off, and others' may not
STEERING: Final = (names.CTL_RETRY, names.CTL_SHADOW, names.CTL_SHADOW_CALL, names.CTL_HOSTS, names.CTL_CLUSTER)
_STATUS_WORDS: Final = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}


def to_service(entry: Entry, snapshot: Snapshot, form: Form, *, upgraded: bool = False) -> Node:
    """`upgraded`: for WebSockets alone, to the clusters that speak HTTP/1.1."""
    route = entry.route
    action: Node = {
        **_cluster(route, snapshot, upgraded=upgraded),
        "timeout": seconds(route.timeout or 0.0),  # Envoy's default of 15 s is nobody's wish
        "idle_timeout": IDLE,
        "upgrade_configs": UPGRADES,
        **rewriting.rewrite(route.match.path, route.rewrite),
    }
    if route.mirror is not None:
        action["request_mirror_policies"] = [_mirror(route.mirror, snapshot)]
    return {
        "typed_per_filter_config": {
            **_asked(route, form),
            **filters.without_answer_filter(),  # a service's answer passes as it is
        },
        **_request_headers(route.rewrite, form),
        "response_headers_to_remove": [*names.ANSWER_HEADERS, *route.rewrite.remove_answer_headers],
        "response_headers_to_add": [
            *_set(route.rewrite.answer_headers),
            header(names.REQUEST_ID, "%STREAM_ID%"),  # stays where the processor was down; an empty value adds nothing
            header(names.REQUEST_ID, f"%DYNAMIC_METADATA({names.META}:{names.M_ID})%"),
        ],
        "route": action,
    }


def _asked(route: Route, form: Form) -> Node:
    if form == "portable":
        # before 1.34 a route cannot fail open by itself, so who may pass when the processor is down never asks it
        passes = route.when_down == "pass"
        return filters.without_router_filter() if passes else filters.router_mode(filters.headers_only("SKIP"))
    return {
        **filters.router_mode(filters.headers_only("SKIP"), fail_open=route.when_down == "pass"),
        **filters.without(names.ERRORS_FILTER),  # a service's errors pass as they are, too
    }


def answered(entry: Entry) -> Node:
    """Without the processor, and without an upstream."""
    route = entry.route
    told: Node = {"typed_per_filter_config": filters.without_router_filter()}
    added = [header(names.REQUEST_ID, "%STREAM_ID%")]
    if route.redirect is not None:
        told["redirect"] = _redirect(route, route.redirect)
    elif route.respond is not None:
        told["direct_response"] = {"status": route.respond.status}
        if route.respond.body:
            told["direct_response"]["body"] = {"inline_string": route.respond.body}
        added += _set(route.respond.headers)
    return {**told, "response_headers_to_add": added}


def negotiates(route: Route, snapshot: Snapshot) -> bool:
    """Whether WebSockets need a route of their own."""
    return any(snapshot.services[share.service].negotiates for share in route.services)


def _cluster(route: Route, snapshot: Snapshot, *, upgraded: bool) -> Node:
    services = [(snapshot.services[share.service], share.weight) for share in route.services]
    clusters = [
        (service.cluster + (names.UPGRADE_SUFFIX if upgraded and service.negotiates else ""), weight)
        for service, weight in services
    ]
    if len(clusters) == 1:
        return {"cluster": clusters[0][0]}
    return {"weighted_clusters": {"clusters": [{"name": name, "weight": weight} for name, weight in clusters]}}


def _mirror(mirror: Mirror, snapshot: Snapshot) -> Node:
    share = {"numerator": round(mirror.share * MILLION), "denominator": "MILLION"}
    return {
        "cluster": snapshot.services[mirror.service].cluster + names.SHADOW_SUFFIX,
        "runtime_fraction": {"default_value": share},
        "disable_shadow_host_suffix_append": True,  # else it is asked for as HOST-shadow
    }


def _redirect(route: Route, redirect: Redirect) -> Node:
    told: Node = {"response_code": _STATUS_WORDS[redirect.status], "strip_query": not redirect.keep_query}
    if redirect.scheme is not None:
        told["scheme_redirect"] = redirect.scheme
    if redirect.host is not None:
        told["host_redirect"] = redirect.host
    if redirect.port is not None:
        told["port_redirect"] = redirect.port
    if redirect.path is not None:
        told |= rewriting.rewrite(route.match.path, Rewrite(path=redirect.path))
    return told


def _request_headers(rewrite: Rewrite, form: Form) -> Node:
    """Envoy removes before it adds."""
    never = TO_SERVICES_NEVER if form == "whole" else (*TO_SERVICES_NEVER, *STEERING)
    return {
        "request_headers_to_remove": [*never, *rewrite.remove_headers],
        "request_headers_to_add": _set(rewrite.headers),
    }


def _set(headers: Mapping[str, str]) -> list[Node]:
    """`%` begins one of Envoy's own words there; what an operator wrote is meant as it stands."""
    return [header(name, value.replace("%", "%%")) for name, value in headers.items()]
