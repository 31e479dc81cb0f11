"""What Envoy starts with and cannot be told anew: its name, admin socket, the files it follows, two clusters."""

from extproc.dataplane.edge import RE2_PROGRAM_SIZE
from extproc.dataplane.egress import TUNNEL_RUNTIME, internal_listeners, tunnel
from extproc.dataplane.form import Node, file_source, pipe, socket_address
from extproc.dataplane.overload import overload_manager
from extproc.dataplane.place import Place
from extproc.dataplane.pools import SINK_ADDRESS
from extproc.dataplane.processor_cluster import processor_cluster
from extproc.dataplane.references import InFile, Variable, source
from extproc.dataplane.route_table import SINK_CLUSTER
from extproc.dataplane.statistics import stats_config
from extproc.snapshot import ListenLimits


def bootstrap(place: Place, limits: ListenLimits) -> Node:
    return {
        "node": {"id": "extproc", "cluster": "extproc"},
        "admin": {"address": _admin(place)},
        "dynamic_resources": {"lds_config": file_source(place.lds), "cds_config": file_source(place.cds)},
        **_way_out(place),
        "static_resources": {
            "clusters": [processor_cluster(place), _sink_cluster()],
            "listeners": [tunnel(place)] if place.form == "whole" else [],
            **_secrets(place),
        },
        "stats_config": stats_config(),
        "overload_manager": overload_manager(limits, place.memory, place.descriptors),
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


def _way_out(place: Place) -> Node:
    """Through a proxy; the portable form has none."""
    return {"bootstrap_extensions": [internal_listeners()]} if place.form == "whole" else {}


def _admin(place: Place) -> Node:
    """It can stop Envoy and read its secrets: a Unix socket, or what somebody says who means it."""
    if place.admin.startswith("/"):
        return pipe(place.admin, place.admin_mode)
    host, _, port = place.admin.rpartition(":")
    return socket_address(host.strip("[]"), int(port))


def _secrets(place: Place) -> Node:
    """By reference, where they have no files of their own."""
    if place.secrets_apart:
        return {}
    named_here = [
        {"name": cluster, "generic_secret": {"secret": source(reference)}}
        for cluster, reference in place.references.items()
        if isinstance(reference, (Variable, InFile))
    ]
    return {"secrets": named_here} if named_here else {}


def _sink_cluster() -> Node:
    """Where an LLM route leads that has no plan: nowhere."""
    address = {"endpoint": {"address": socket_address(*SINK_ADDRESS)}}
    return {
        "name": SINK_CLUSTER,
        "type": "STATIC",
        "connect_timeout": "0.25s",
        "load_assignment": {"cluster_name": SINK_CLUSTER, "endpoints": [{"lb_endpoints": [address]}]},
    }
