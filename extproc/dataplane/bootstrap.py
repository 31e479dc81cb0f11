"""What Envoy starts with and cannot be told anew: its name, admin socket, the files it follows, two clusters."""

from extproc.dataplane.clusters import PROTOCOL_OPTIONS, WIDE
from extproc.dataplane.edge import RE2_PROGRAM_SIZE
from extproc.dataplane.egress import TUNNEL_RUNTIME, internal_listeners, tunnel
from extproc.dataplane.filters import PROCESSOR_CLUSTER
from extproc.dataplane.form import Node, file_source, named, pipe, socket_address, typed
from extproc.dataplane.place import Place
from extproc.dataplane.pools import SINK_ADDRESS
from extproc.dataplane.route_table import SINK_CLUSTER

MILLISECONDS = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 120000, 300000, 600000]


def bootstrap(place: Place) -> Node:
    return {
        "node": {"id": "extproc", "cluster": "extproc"},
        "admin": {"address": pipe(place.admin)},  # it can stop Envoy and read its secrets: no TCP port
        "dynamic_resources": {"lds_config": file_source(place.lds), "cds_config": file_source(place.cds)},
        "bootstrap_extensions": [internal_listeners()],
        "static_resources": {"clusters": [processor_cluster(place), _sink_cluster()], "listeners": [tunnel(place)]},
        "stats_config": {
            "histogram_bucket_settings": [{"match": {"suffix": "_ms"}, "buckets": MILLISECONDS}],
            # a provider's cluster is its name and a hash of what it means; statistics are asked for by the name
            "stats_tags": [{"tag_name": "provider", "regex": r"^cluster\.((.+)[-.@][0-9a-f]{6,64}\.)"}],
        },
        # without a limit Envoy warns, and takes connections until it has no file descriptors for upstreams
        "overload_manager": {
            "resource_monitors": [
                named(
                    "envoy.resource_monitors.global_downstream_max_connections",
                    "resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                    max_active_downstream_connections=50_000,
                )
            ]
        },
        "layered_runtime": {
            "layers": [
                {
                    "name": "extproc",
                    "static_layer": {
                        "re2.max_program_size.error_level": RE2_PROGRAM_SIZE,
                        "re2.max_program_size.warn_level": RE2_PROGRAM_SIZE,
                        **TUNNEL_RUNTIME,
                    },
                }
            ]
        },
    }


def processor_cluster(place: Place) -> Node:
    return {
        "name": PROCESSOR_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "0.25s",  # it is a neighbour
        "circuit_breakers": WIDE,
        "per_connection_buffer_limit_bytes": 64 * 1024 * 1024,  # whole bodies go to it
        # a worker that is gone is left out within a second, long before its streams would fail
        "health_checks": [
            {
                "timeout": "0.5s",
                "interval": "1s",
                "no_traffic_interval": "1s",
                "unhealthy_threshold": 1,
                "healthy_threshold": 1,
                "tcp_health_check": {},
            }
        ],
        "typed_extension_protocol_options": {
            PROTOCOL_OPTIONS: typed(
                "upstreams.http.v3.HttpProtocolOptions", explicit_http_config={"http2_protocol_options": {}}
            )
        },
        "load_assignment": {
            "cluster_name": PROCESSOR_CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": pipe(path)}} for path in place.processors]}],
        },
    }


def _sink_cluster() -> Node:
    """Where an LLM route leads that has no plan: nowhere."""
    address = {"endpoint": {"address": socket_address(*SINK_ADDRESS)}}
    return {
        "name": SINK_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "0.25s",
        "load_assignment": {"cluster_name": SINK_CLUSTER, "endpoints": [{"lb_endpoints": [address]}]},
    }
