"""The gateway as a guest of Istio: one EnvoyFilter, whose patches are applied in their order.

Law: patches only add, and each names the least that it must: clusters, two filters before the router, routes in front
of the others, logs and words for our routes. What Istio made stays as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from extproc.dataplane.form import Node, typed
from extproc.dataplane.guest import Guest

MANAGER = "envoy.filters.network.http_connection_manager"
MANAGER_TYPE = "filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "envoy.filters.http.router"
Context = Literal["GATEWAY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND"]


@dataclass(frozen=True, slots=True)
class Istio:
    """Where it is a guest."""

    name: str = "extproc"
    namespace: str = "istio-system"
    selector: Mapping[str, str] = field(default_factory=dict)  # labels of the pods; none: all of the namespace
    context: Context = "GATEWAY"
    port: int | None = None  # of the listener; None: every one
    virtual_host: str | None = None  # `HOST:PORT`; None: every one


def envoy_filter(guest: Guest, at: Istio) -> Node:
    spec: Node = {"configPatches": _patches(guest, at)}
    if at.selector:
        spec["workloadSelector"] = {"labels": dict(at.selector)}
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": at.name, "namespace": at.namespace},
        "spec": spec,
    }


def _patches(guest: Guest, at: Istio) -> list[Node]:
    return [
        *(_patch("CLUSTER", at, {}, "ADD", cluster) for cluster in guest.clusters),
        _patch("LISTENER", at, _listener(at), "MERGE", {"per_connection_buffer_limit_bytes": guest.connection_buffer}),
        _patch("NETWORK_FILTER", at, _listener(at, {"name": MANAGER}), "MERGE", _manager(guest)),
        _patch("HTTP_FILTER", at, _listener(at, _at_router()), "MERGE", _router(guest)),
        # each goes to the same place, right before the router, so they stand in the order in which they come
        *(_patch("HTTP_FILTER", at, _listener(at, _at_router()), "INSERT_BEFORE", one) for one in guest.filters),
        # each becomes the first, so the last to come stands first
        *(_patch("HTTP_ROUTE", at, _routes(at), "INSERT_FIRST", route) for route in reversed(guest.routes)),
    ]


def _patch(applies_to: str, at: Istio, match: Node, operation: str, value: Node) -> Node:
    return {
        "applyTo": applies_to,
        "match": {"context": at.context, **match},
        "patch": {"operation": operation, "value": value},
    }


def _listener(at: Istio, network_filter: Node | None = None) -> Node:
    match: Node = {} if at.port is None else {"portNumber": at.port}
    if network_filter is not None:
        match["filterChain"] = {"filter": network_filter}
    return {"listener": match} if match else {}


def _at_router() -> Node:
    return {"name": MANAGER, "subFilter": {"name": ROUTER}}


def _routes(at: Istio) -> Node:
    match: Node = {} if at.port is None else {"portNumber": at.port}
    if at.virtual_host is not None:
        match["vhost"] = {"name": at.virtual_host}
    return {"routeConfiguration": match} if match else {}


def _manager(guest: Guest) -> Node:
    return {
        "name": MANAGER,
        "typed_config": typed(
            MANAGER_TYPE, access_log=guest.exchange_logs, local_reply_config={"mappers": guest.local_replies}
        ),
    }


def _router(guest: Guest) -> Node:
    return {"name": ROUTER, "typed_config": typed("filters.http.router.v3.Router", upstream_log=guest.attempt_logs)}
