"""Clusters: one for each provider, its twin where answers are held, one for each service.

Law: every cluster that a plan may name has the attempt filter, and behind its real endpoints the sink: a door that is
always shut. A provider without any address is then a connection refused, which Envoy retries along the plan; «no
healthy host» it would not. For the same reason the circuit breakers are wide: their overflow is not retried either.
"""

from collections.abc import Sequence

from extproc import names
from extproc.dataplane import filters
from extproc.dataplane.access_logs import CLUSTER_META
from extproc.dataplane.egress import proxies, proxy_cluster, through_the_tunnel
from extproc.dataplane.form import Node, named, seconds, typed
from extproc.dataplane.place import Place
from extproc.dataplane.pools import connections_move, health_checks, is_pool, load_assignment
from extproc.dataplane.upstream_tls import CONNECTION_LIFE, may_rotate, upstream_tls
from extproc.snapshot import Endpoint, Limits, Provider, Proxy, Service, Snapshot

HELD_PIECE = 64 * 1024
LONGEST_SHADOW = "600s"
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
        if provider.name in _held(snapshot):
            made.append(_twin(provider, place, snapshot.limits))
        if provider.name in _shadows(snapshot):
            made.append(_shadow(provider, place, snapshot.limits))
    made.extend(_service(service, place, snapshot.limits) for service in snapshot.services.values())
    made.extend(_proxy(proxy, place) for proxy in proxies(snapshot))
    return made


def _proxy(proxy: Proxy, place: Place) -> Node:
    return {**proxy_cluster(proxy, place), **_looked_up(proxy.by_name), "circuit_breakers": WIDE}


def _looked_up(by_name: bool) -> Node:
    return _NAMES_ARE_LOOKED_UP if by_name else {"type": "STATIC"}


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
    chain = [*filters.walk_filters(), attempt, *filters.credential_filters(provider, place)]
    return {
        **_pool(provider, provider.endpoints, place, limits, sink=True),
        **_checks(provider),
        "metadata": {"filter_metadata": {CLUSTER_META: {"name": provider.name}}},
        "typed_extension_protocol_options": _protocol(provider, chain),
    }


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

    Its statistics are counted under the name of the provider's other cluster. It reads its upstream in small pieces:
    in large ones an answer that an upstream filter looks at crashes Envoy 1.40 (measured: at 1.1 MB within 5 answers;
    with pieces of 64 KiB never, up to 64 MB).
    """
    cluster = _provider(provider, place, limits, filters.holding_attempt_filter())
    name = provider.cluster + names.HELD_SUFFIX
    assignment = {**cluster["load_assignment"], "cluster_name": name}
    return {
        **cluster,
        "name": name,
        "alt_stat_name": provider.cluster,
        "load_assignment": assignment,
        "per_connection_buffer_limit_bytes": HELD_PIECE,
    }


def _shadow(provider: Provider, place: Place, limits: Limits) -> Node:
    """The same provider for copies of requests: in no plan, so without a sink, and counted under a name of its own.

    Nobody waits for a copy, so nobody would ever end one that gets no answer.
    """
    name = provider.cluster + names.SHADOW_SUFFIX
    chain = [filters.shadow_attempt_filter(), *filters.credential_filters(provider, place)]
    pool = _pool(provider, provider.endpoints, place, limits, sink=False)
    options = _protocol(provider, chain)
    common = options[PROTOCOL_OPTIONS].setdefault("common_http_protocol_options", {})
    common["max_stream_duration"] = LONGEST_SHADOW
    return {
        **pool,
        "name": name,
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


def _pool(
    owner: Provider | Service, endpoints: Sequence[Endpoint], place: Place, limits: Limits, *, sink: bool
) -> Node:
    by_name = owner.proxy is None and any(endpoint.by_name for endpoint in endpoints)
    pool: Node = {
        "name": owner.cluster,
        **_looked_up(by_name),
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
