"""Where clients connect: edge hygiene, filters, logs. One listener, and one more for HTTP/3."""

from extproc import names
from extproc.dataplane import access_logs, cors, downstream_tls, portable, protection
from extproc.dataplane.edge import early_header_mutation, tells_certificate
from extproc.dataplane.errors_filter import errors_filter
from extproc.dataplane.filters import answer_filter, router_filter
from extproc.dataplane.form import Node, file_source, named, socket_address
from extproc.dataplane.local_replies import local_reply_config
from extproc.dataplane.place import Place
from extproc.observe.envoy_table import CALLERS
from extproc.snapshot import Snapshot

ROUTES = "routes"
STREAM_IDLE = "620s"  # above the longest silence that a route allows, so that the route's own limit speaks first
CONNECTION_BUFFER = 1024 * 1024  # Envoy's default; a route's request_body_buffer_limit raises it


def listeners(snapshot: Snapshot, place: Place, connection_buffer: int = CONNECTION_BUFFER) -> tuple[Node, ...]:
    plain = _listener(snapshot, place, connection_buffer)
    over_tcp = downstream_tls.secured(plain, snapshot.listen, place)
    over_tcp["listener_filters"] = protection.listener_filters(snapshot.listen)
    if snapshot.listen.tls is None or not snapshot.listen.http3:
        return (over_tcp,)
    over_udp = _listener(snapshot, place, connection_buffer, **downstream_tls.http3(snapshot.listen))
    return over_tcp, downstream_tls.over_quic(over_udp, snapshot.listen.tls, place)


def _listener(snapshot: Snapshot, place: Place, connection_buffer: int, **codec: object) -> Node:
    return {
        "name": CALLERS,
        "stat_prefix": CALLERS,
        "address": socket_address(place.host, place.port),
        "per_connection_buffer_limit_bytes": connection_buffer,
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
        access_log=access_logs.exchange_logs(place),
        access_log_options={"access_log_flush_interval": access_logs.PERIOD},
        local_reply_config=local_reply_config(),
        upgrade_configs=[{"upgrade_type": "websocket", "enabled": False}],  # services' routes enable it
        **protection.connection_manager(snapshot.listen, snapshot.limits),
        rds={"route_config_name": ROUTES, "config_source": file_source(place.rds)},
        **_by_form(snapshot, place),
        **codec,
    )


def _by_form(snapshot: Snapshot, place: Place) -> Node:
    """Answers come through the filters from the last to the first."""
    before = [*downstream_tls.answer_filters(snapshot.listen, place), answer_filter(), *cors.filters()]
    asked = [names.ATTR_PEER] if snapshot.clients_show_certificates else []
    if place.form == "portable":
        return {
            **({"early_header_mutation_extensions": [tells_certificate()]} if snapshot.knows_by_certificate else {}),
            "internal_address_config": portable.NOBODY_IS_INTERNAL,
            "http_filters": [*before, portable.router_filter(*asked), _router()],
        }
    return {
        "early_header_mutation_extensions": [early_header_mutation(tells_certificate=snapshot.knows_by_certificate)],
        "http_filters": [*before, protection.address_filter(), router_filter(*asked), errors_filter(), _router()],
    }


def _router() -> Node:
    return named(
        "envoy.filters.http.router",
        "filters.http.router.v3.Router",
        suppress_envoy_headers=True,  # what Envoy would tell of itself is for neither upstreams nor callers
        upstream_log=access_logs.attempt_logs(),
    )
