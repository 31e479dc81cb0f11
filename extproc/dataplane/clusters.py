"""Clusters: one for each provider, its twin where answers are held, one for each service.

Law: every cluster that a plan may name has the attempt filter, and behind its real endpoints the sink: a door that is
always shut. A provider without any address is then a connection refused, which Envoy retries along the plan; «no
healthy host» it would not. For the same reason the circuit breakers are wide: their overflow is not retried either.
"""

import socket
from collections.abc import Sequence

from extproc import names
from extproc.dataplane import filters, portable
from extproc.dataplane.access_logs import CLUSTER_META
from extproc.dataplane.egress import proxies, proxy_cluster, through_the_tunnel
from extproc.dataplane.form import Node, named, seconds, typed
from extproc.dataplane.place import Place
from extproc.dataplane.pools import connections_move, health_checks, is_pool, load_assignment
from extproc.dataplane.statistics import statistics_name
from extproc.dataplane.upstream_tls import CONNECTION_LIFE, may_rotate, upstream_tls
from extproc.dialects.endpoints import REALTIME
from extproc.dialects.registry import side_of
from extproc.snapshot import Endpoint, Limits, Provider, Proxy, Service, Snapshot

HELD_PIECE = 64 * 1024
LONGEST_SHADOW = "600s"
DEAF_AFTER = 5_000  # milliseconds in which a mirror's connection takes nothing of what is there for it
TCP_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)
BUFFER_AT_LEAST = 32 * 1024 * 1024
PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
# Envoy's default of 3 retries at a time for a cluster would end plans early.
WIDE = {
    "thresholds": [
        {"max_connections": 65536, "max_pending_requests": 65536, "max_requests": 65536, "max_retries": 65536}
    ]
}

_NAMES_ARE_LOOKED_UP: Node = {
    "cluster_type": named(
        "envoy.cluster.dns",
        "clusters.dns.v3.DnsCluster",
        dns_lookup_family="V4_PREFERRED",
        respect_dns_ttl=True,
        # a name that is not found is asked for again soon: until then its targets are skipped
        dns_failure_refresh_rate={"base_interval": "0.5s", "max_interval": "5s"},
    )
}


def clusters(snapshot: Snapshot, place: Place) -> list[Node]:
    made = []
    for provider in snapshot.providers.values():
        made.append(_provider(provider, place, snapshot.limits, filters.attempt_filter()))
        if _is_upgraded(provider):
            made.append(_upgraded(provider.cluster, made[-1]))
        if place.form == "whole" and provider.name in _held(snapshot):
            made.append(_twin(provider, place, snapshot.limits))
        if provider.name in _shadows(snapshot):
            made.append(_shadow(provider, place, snapshot.limits))
    mirrors = frozenset(route.mirror.service for route in snapshot.routes if route.mirror is not None)
    for service in snapshot.services.values():
        made.append(_service(service, place, snapshot.limits))
        if service.negotiates:
            made.append(_upgraded(service.cluster, made[-1]))
        if service.name in mirrors:
            made.append(_mirror(service, place, snapshot.limits))
    if place.form == "whole":
        made.extend(_proxy(proxy, place) for proxy in proxies(snapshot))
    return made


def cluster_names(snapshot: Snapshot) -> list[str]:
    """Those that a plan or a copy may name."""
    named = [provider.cluster for provider in snapshot.providers.values()]
    named += [one.cluster + names.UPGRADE_SUFFIX for one in snapshot.providers.values() if _is_upgraded(one)]
    named += [snapshot.providers[name].cluster + names.HELD_SUFFIX for name in _held(snapshot)]
    return named + [snapshot.providers[name].cluster + names.SHADOW_SUFFIX for name in _shadows(snapshot)]


def _is_upgraded(provider: Provider) -> bool:
    """Whether WebSockets to it need a twin."""
    return provider.negotiates and REALTIME in side_of(provider.dialect, "").endpoints


def _proxy(proxy: Proxy, place: Place) -> Node:
    return {**proxy_cluster(proxy, place), **_looked_up(proxy.by_name, place), "circuit_breakers": WIDE}


def _looked_up(by_name: bool, place: Place) -> Node:
    if not by_name:
        return {"type": "STATIC"}
    return portable.NAMES_ARE_LOOKED_UP if place.form == "portable" else _NAMES_ARE_LOOKED_UP


def _held(snapshot: Snapshot) -> frozenset[str]:
    """Providers whose answers some route holds until it is known what they say."""
    return frozenset(
        name
        for route in snapshot.routes
        if route.kind == "llm" and (route.failover.first_event or route.failover.fallback_on)
        for name in route.providers or snapshot.providers
    )


def _shadows(snapshot: Snapshot) -> frozenset[str]:
    """Providers that get copies of some route's requests."""
    return frozenset(route.shadow.target.provider for route in snapshot.routes if route.shadow is not None)


def _provider(provider: Provider, place: Place, limits: Limits, attempt: Node) -> Node:
    walks = place.form == "whole"
    chain = [*(filters.walk_filters() if walks else ()), *_at_each_attempt(attempt, provider, place)]
    return {
        **_pool(provider, provider.endpoints, place, limits, sink=walks),
        **_checks(provider),
        "metadata": {"filter_metadata": {CLUSTER_META: {"name": provider.name}}},
        "typed_extension_protocol_options": _protocol(provider, chain),
    }


def _at_each_attempt(attempt: Node, provider: Provider, place: Place) -> list[Node]:
    if place.form == "portable":
        return [portable.older(attempt), *portable.credential_filters(provider, place)]
    return [attempt, *filters.credential_filters(provider, place)]


def _checks(provider: Provider) -> Node:
    """Only where another endpoint may be alive. Not of what answers signed requests alone, because Envoy signs none;
    nor of what may sleep: a check would keep it awake, and one that sleeps must be asked to be woken."""
    sleeps = provider.by_the_hour is not None and provider.by_the_hour.wake_up is not None
    if provider.health is None or provider.sign is not None or sleeps or not is_pool(provider.endpoints):
        return {}
    if provider.proxy is not None:
        return {}  # checks are made on Envoy's main thread, and a tunnel begins on a worker: each would fail
    return {"health_checks": health_checks(provider.health, provider.endpoints, http2=provider.http2)}


def _twin(provider: Provider, place: Place, limits: Limits) -> Node:
    """The same provider, but the attempt filter also holds the answer until it is known what it says.

    Its statistics are counted with those of the provider's other cluster. It reads its upstream in small pieces:
    in large ones an answer that an upstream filter looks at crashes Envoy 1.40 (measured: at 1.1 MB within 5 answers;
    with pieces of 64 KiB never, up to 64 MB).
    """
    cluster = _provider(provider, place, limits, filters.holding_attempt_filter())
    name = provider.cluster + names.HELD_SUFFIX
    assignment = {**cluster["load_assignment"], "cluster_name": name}
    return {
        **cluster,
        "name": name,
        "load_assignment": assignment,
        "per_connection_buffer_limit_bytes": HELD_PIECE,
    }


def _upgraded(name: str, cluster: Node) -> Node:
    """The same upstream for WebSockets, in HTTP/1.1 alone: where TLS negotiates HTTP/2, Envoy asks for them in that,
    and next to no server takes them there (measured: 502)."""
    twin = name + names.UPGRADE_SUFFIX
    options = {**cluster["typed_extension_protocol_options"][PROTOCOL_OPTIONS]}
    del options["auto_config"]
    options["explicit_http_config"] = {"http_protocol_options": {}}
    return {
        **cluster,
        "name": twin,
        "load_assignment": {**cluster["load_assignment"], "cluster_name": twin},
        "typed_extension_protocol_options": {PROTOCOL_OPTIONS: options},
    }


def _shadow(provider: Provider, place: Place, limits: Limits) -> Node:
    """The same provider for copies of requests: in no plan, so without a sink, and counted under a name of its own.

    Nobody waits for a copy, so nobody would ever end one that gets no answer.
    """
    name = provider.cluster + names.SHADOW_SUFFIX
    chain = _at_each_attempt(filters.shadow_attempt_filter(), provider, place)
    pool = _pool(provider, provider.endpoints, place, limits, sink=False)
    statistics = statistics_name(provider.name, place.form) + names.SHADOW_SUFFIX
    options = _protocol(provider, chain)
    common = options[PROTOCOL_OPTIONS].setdefault("common_http_protocol_options", {})
    common["max_stream_duration"] = LONGEST_SHADOW
    return {
        **pool,
        "name": name,
        "alt_stat_name": statistics,
        "load_assignment": {**pool["load_assignment"], "cluster_name": name},
        "metadata": {"filter_metadata": {CLUSTER_META: {"name": provider.name}}},
        "typed_extension_protocol_options": options,
    }


def _service(service: Service, place: Place, limits: Limits) -> Node:
    return {
        **_pool(service, service.endpoints, place, limits, sink=False),
        "metadata": {"filter_metadata": {CLUSTER_META: {"name": service.name}}},
        "typed_extension_protocol_options": _protocol(service, []),
    }


def _mirror(service: Service, place: Place, limits: Limits) -> Node:
    """The same service for copies of requests. Envoy sends a copy while the request comes, and takes the request no
    faster than the copy is taken (measured: a mirror that read nothing held up an upload of 100 MB for ever). So a copy
    that is not taken is given up."""
    cluster = _service(service, place, limits)
    twin = service.cluster + names.SHADOW_SUFFIX
    options = {**cluster["typed_extension_protocol_options"][PROTOCOL_OPTIONS]}
    common = {**options.get("common_http_protocol_options", {}), "max_stream_duration": LONGEST_SHADOW}
    copied: Node = {
        **cluster,
        "name": twin,
        "alt_stat_name": statistics_name(service.name, place.form) + names.SHADOW_SUFFIX,
        "load_assignment": {**cluster["load_assignment"], "cluster_name": twin},
        "typed_extension_protocol_options": {PROTOCOL_OPTIONS: {**options, "common_http_protocol_options": common}},
    }
    if TCP_USER_TIMEOUT is not None:  # only Linux has it; elsewhere the longest life of a copy is all there is
        option = {"level": socket.IPPROTO_TCP, "name": TCP_USER_TIMEOUT, "int_value": DEAF_AFTER}
        copied["upstream_bind_config"] = {"socket_options": [option]}
    return copied


def _pool(
    owner: Provider | Service, endpoints: Sequence[Endpoint], place: Place, limits: Limits, *, sink: bool
) -> Node:
    by_name = owner.proxy is None and any(endpoint.by_name for endpoint in endpoints)
    pool: Node = {
        "name": owner.cluster,
        "alt_stat_name": statistics_name(owner.name, place.form),
        **_looked_up(by_name, place),
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": seconds(owner.connect_timeout),
        "per_connection_buffer_limit_bytes": max(limits.body, BUFFER_AT_LEAST),  # the attempt filter holds whole bodies
        "circuit_breakers": WIDE,
        "load_assignment": load_assignment(owner.cluster, endpoints, owner.proxy, sink=sink),
    }
    if endpoints[0].scheme == "https":
        socket = upstream_tls(owner.cluster, owner.tls, endpoints, place)
        pool["transport_socket"] = socket if owner.proxy is None else through_the_tunnel(socket)
    return pool


def _protocol(owner: Provider | Service, chain: list[Node]) -> Node:
    options: Node = {}
    if may_rotate(owner.tls) or (owner.proxy is None and connections_move(owner.endpoints)):
        options["common_http_protocol_options"] = {"max_connection_duration": seconds(CONNECTION_LIFE)}
    if owner.endpoints[0].scheme == "https":
        options["auto_config"] = {"http_protocol_options": {}, "http2_protocol_options": {}}  # as ALPN says
    elif owner.http2:
        options["explicit_http_config"] = {"http2_protocol_options": {}}
    else:
        options["explicit_http_config"] = {"http_protocol_options": {}}
    if chain:
        options["http_filters"] = [*chain, filters.UPSTREAM_CODEC]
    return {PROTOCOL_OPTIONS: typed("upstreams.http.v3.HttpProtocolOptions", **options)}
