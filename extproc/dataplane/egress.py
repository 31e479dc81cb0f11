"""The way out through a proxy that tunnels (HTTP CONNECT): an upstream's connection is made inside Envoy to an internal
listener, which asks the proxy for a tunnel to the upstream's name.

Law: the upstream's name is looked up by nobody here; TLS is between Envoy and the upstream itself, so a proxy sees
where a connection goes and nothing of what passes. Envoy's own `http_11_proxy` would be shorter, but it takes a proxy's
address only, not its name, cannot show the proxy who we are, and fails where a proxy says more than a few words.
"""

from collections.abc import Iterable
from typing import Final

from extproc.dataplane.access_logs import json_log
from extproc.dataplane.filters import UPSTREAM_CODEC, credential_injector
from extproc.dataplane.form import Node, named, socket_address, typed
from extproc.dataplane.place import Place
from extproc.snapshot import Credential, Endpoint, Provider, Proxy, Service, Snapshot

TUNNEL: Final = "tunnel"  # the listener's name, and that of its statistics
META: Final = "extproc.tunnel"  # of an endpoint: where its tunnel leads, and through whom
# Only with this do the filters of a proxy's cluster see the CONNECT, and the credential gets into it.
TUNNEL_RUNTIME: Final = {"envoy.restart_features.upstream_http_filters_with_tcp_proxy": True}
CONNECT_TIMEOUT: Final = "5s"  # to the proxy; the upstream's own connect_timeout holds for the whole way
_SHOWN: Final = Credential("injected", "proxy-authorization", "")
_TO: Final = f"%DYNAMIC_METADATA({META}:to)%"
_PROTOCOL_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_REFUSED: Node = {
    "log": "tunnel",
    "time": "%START_TIME%",
    "to": _TO,
    "proxy": "%UPSTREAM_HOST%",
    "flags": "%RESPONSE_FLAGS%",
    "why": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "duration_ms": "%DURATION%",
}


def internal_listeners() -> Node:
    return named("envoy.bootstrap.internal_listener", "bootstrap.internal_listener.v3.InternalListener")


def tunnel(place: Place) -> Node:
    """One for all proxies and upstreams, whatever the configuration comes to be: each connection brings its own way.

    A proxy is asked once for a connection: it may lock out who shows it a wrong password again and again.
    """
    choose = named(
        "envoy.filters.network.set_filter_state",
        "filters.network.set_filter_state.v3.Config",
        on_new_connection=[
            {
                "object_key": "envoy.tcp_proxy.cluster",
                "format_string": {"text_format_source": {"inline_string": f"%DYNAMIC_METADATA({META}:via)%"}},
            }
        ],
    )
    ask = named(
        "envoy.filters.network.tcp_proxy",
        "filters.network.tcp_proxy.v3.TcpProxy",
        stat_prefix=TUNNEL,
        cluster=TUNNEL,  # there is none of this name
        max_connect_attempts=1,
        tunneling_config={"hostname": _TO},
        access_log=json_log(place, _REFUSED, {"response_flag_filter": {}}),
    )
    return {
        "name": TUNNEL,
        "internal_listener": {},
        "ignore_global_conn_limit": True,  # callers are limited, and not what is done for them
        "filter_chains": [{"filters": [choose, ask]}],
    }


def tunnelled(endpoint: Endpoint, proxy: Proxy) -> Node:
    to = destination(endpoint)
    return {
        "endpoint": {
            "address": {"envoy_internal_address": {"server_listener_name": TUNNEL, "endpoint_id": to}},
            "hostname": endpoint.host,
            "health_check_config": {"hostname": endpoint.authority},
        },
        "metadata": {"filter_metadata": {META: {"to": to, "via": proxy.cluster}}},
    }


def destination(endpoint: Endpoint) -> str:
    """As a CONNECT names it: always with the port."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{host}:{endpoint.port}"


def through_the_tunnel(socket: Node) -> Node:
    """The upstream's own transport socket, on a connection that tells the listener its way."""
    return named(
        "envoy.transport_sockets.internal_upstream",
        "transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
        passthrough_metadata=[{"name": META, "kind": {"host": {}}}],
        transport_socket=socket,
    )


def proxies(snapshot: Snapshot) -> Iterable[Proxy]:
    upstreams: list[Provider | Service] = [*snapshot.providers.values(), *snapshot.services.values()]
    found = {upstream.proxy.cluster: upstream.proxy for upstream in upstreams if upstream.proxy is not None}
    return found.values()


def proxy_cluster(proxy: Proxy, place: Place) -> Node:
    address = {"endpoint": {"address": socket_address(proxy.host, proxy.port)}}
    options: Node = {"explicit_http_config": {"http_protocol_options": {}}}
    if proxy.authorized:
        options["http_filters"] = [credential_injector(_SHOWN, proxy.cluster, place), UPSTREAM_CODEC]
    return {
        "name": proxy.cluster,
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": CONNECT_TIMEOUT,
        "load_assignment": {"cluster_name": proxy.cluster, "endpoints": [{"lb_endpoints": [address]}]},
        "typed_extension_protocol_options": {
            _PROTOCOL_OPTIONS: typed("upstreams.http.v3.HttpProtocolOptions", **options)
        },
    }
