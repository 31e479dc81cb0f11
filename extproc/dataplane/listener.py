"""The one listener: edge hygiene, filters, logs."""

from extproc.dataplane import access_logs, portable
from extproc.dataplane.edge import early_header_mutation
from extproc.dataplane.errors_filter import errors_filter
from extproc.dataplane.filters import answer_filter, router_filter
from extproc.dataplane.form import Node, file_source, named, socket_address
from extproc.dataplane.local_replies import local_reply_config
from extproc.dataplane.place import Place

ROUTES = "routes"
CALLERS = "callers"  # the listener's name, and that of its statistics
STREAM_IDLE = "620s"  # above the longest silence that a route allows, so that the route's own limit speaks first
CONNECTION_BUFFER = 1024 * 1024  # Envoy's default; a route's request_body_buffer_limit raises it


def listener(place: Place, connection_buffer: int = CONNECTION_BUFFER) -> Node:
    return {
        "name": CALLERS,
        "address": socket_address(place.host, place.port),
        "per_connection_buffer_limit_bytes": connection_buffer,
        "filter_chains": [{"filters": [_http(place)]}],
    }


def _http(place: Place) -> Node:
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
        rds={"route_config_name": ROUTES, "config_source": file_source(place.rds)},
        **_by_form(place),
    )


def _by_form(place: Place) -> Node:
    """Answers come through the filters from the last to the first."""
    if place.form == "portable":
        return {
            "internal_address_config": portable.NOBODY_IS_INTERNAL,
            "http_filters": [answer_filter(), portable.router_filter(), _router()],
        }
    return {
        "early_header_mutation_extensions": [early_header_mutation()],
        "http_filters": [answer_filter(), router_filter(), errors_filter(), _router()],
    }


def _router() -> Node:
    return named(
        "envoy.filters.http.router",
        "filters.http.router.v3.Router",
        suppress_envoy_headers=True,  # what Envoy would tell of itself is for neither upstreams nor callers
        upstream_log=access_logs.attempt_logs(),
    )
