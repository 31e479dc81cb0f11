"""Where clients connect: edge hygiene, filters, logs. One listener, and one more for HTTP/3."""

from extproc import names
from extproc.dataplane import access_logs, cors, downstream_tls, protection
from extproc.dataplane.edge import early_header_mutation
from extproc.dataplane.errors_filter import errors_filter
from extproc.dataplane.filters import answer_filter, router_filter
from extproc.dataplane.form import Node, file_source, named, socket_address
from extproc.dataplane.local_replies import local_reply_config
from extproc.dataplane.place import Place
from extproc.observe.envoy_table import CALLERS
from extproc.snapshot import Snapshot

ROUTES = "routes"
STREAM_IDLE = "620s"  # above the longest silence that a route allows, so that the route's own limit speaks first
CONNECTION_BUFFER = 1024 * 1024  # Envoy's default


def listeners(snapshot: Snapshot, place: Place) -> tuple[Node, ...]:
    over_tcp = downstream_tls.secured(_listener(snapshot, place), snapshot.listen, place)
    over_tcp["listener_filters"] = protection.listener_filters(snapshot.listen)
    if snapshot.listen.tls is None or not snapshot.listen.http3:
        return (over_tcp,)
    over_udp = _listener(snapshot, place, **downstream_tls.http3(snapshot.listen))
    return over_tcp, downstream_tls.over_quic(over_udp, snapshot.listen.tls, place)


def _listener(snapshot: Snapshot, place: Place, **codec: object) -> Node:
    return {
        "name": CALLERS,
        "stat_prefix": CALLERS,
        "address": socket_address(place.host, place.port),
        "per_connection_buffer_limit_bytes": CONNECTION_BUFFER,  # a route's request_body_buffer_limit raises this one
        "filter_chains": [{"filters": [_http(snapshot, place, **codec)]}],
    }


def _http(snapshot: Snapshot, place: Place, **codec: object) -> Node:
    return named(
        "envoy.filters.network.http_connection_manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=CALLERS,
        stream_idle_timeout=STREAM_IDLE,
        # else a caller chooses its own x-request-id and address; an internal_address_config, even an empty one, would
        # make loopback internal and its x-envoy-* obeyed
        use_remote_address=True,
        normalize_path=True,  # else /public/../admin matches the public route
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        server_header_transformation="PASS_THROUGH",  # a proxied service's answer stays its own
        early_header_mutation_extensions=[early_header_mutation(tells_certificate=snapshot.knows_by_certificate)],
        access_log=access_logs.exchange_logs(place),
        access_log_options={"access_log_flush_interval": access_logs.PERIOD},
        local_reply_config=local_reply_config(),
        upgrade_configs=[{"upgrade_type": "websocket", "enabled": False}],  # services' routes enable it
        # answers come through them from the last to the first
        http_filters=[
            *downstream_tls.answer_filters(snapshot.listen, place),
            answer_filter(),
            *cors.filters(),
            protection.address_filter(),
            router_filter(*([names.ATTR_PEER] if snapshot.clients_show_certificates else [])),
            errors_filter(),
            _router(),
        ],
        **protection.connection_manager(snapshot.listen, snapshot.limits),
        rds={"route_config_name": ROUTES, "config_source": file_source(place.rds)},
        **codec,
    )


def _router() -> Node:
    return named(
        "envoy.filters.http.router",
        "filters.http.router.v3.Router",
        suppress_envoy_headers=True,  # what Envoy would tell of itself is for neither upstreams nor callers
        upstream_log=access_logs.attempt_logs(),
    )
