"""A snapshot, rendered to Envoy's configuration.

Law: a pure function of the snapshot and the place. Nothing secret is in what it returns: credentials are read by Envoy
from files of their own (`sds`, `aws_keys_file`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from extproc.dataplane import bootstrap, clusters, listener, portable, processor_cluster, route_table
from extproc.dataplane.filters import AWS_PROFILE, SECRET_NAME
from extproc.dataplane.form import Node
from extproc.dataplane.place import Place
from extproc.dataplane.references import InFile, Variable, source
from extproc.protocol.replies import LARGEST_BUFFERED
from extproc.snapshot import Snapshot

CLUSTER_TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
LISTENER_TYPE = "type.googleapis.com/envoy.config.listener.v3.Listener"
ROUTES_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
SECRET_TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"


@dataclass(frozen=True, slots=True)
class Rendered:
    bootstrap: Node
    listeners: tuple[Node, ...]  # resources of a file that Envoy follows, as are the next two
    routes: tuple[Node, ...]
    clusters: tuple[Node, ...]
    processor_files: Mapping[str, Node] = field(default_factory=dict)  # by path; there before Envoy starts


def render(snapshot: Snapshot, place: Place) -> Rendered:
    snapshot = snapshot if place.form == "whole" else portable.without_proxies(snapshot)
    return Rendered(
        bootstrap=bootstrap.bootstrap(place, snapshot.listen.limits),
        listeners=tuple(
            {"@type": LISTENER_TYPE, **one}
            for one in listener.listeners(snapshot, place, connection_buffer(snapshot, place))
        ),
        routes=({"@type": ROUTES_TYPE, **route_table.route_table(snapshot, place.form)},),
        clusters=tuple({"@type": CLUSTER_TYPE, **cluster} for cluster in clusters.clusters(snapshot, place)),
        processor_files=processor_cluster.tls_files(place),
    )


def connection_buffer(snapshot: Snapshot, place: Place) -> int:
    """In the portable form no route can raise the listener's."""
    if place.form == "whole":
        return listener.CONNECTION_BUFFER
    return max(snapshot.limits.body, LARGEST_BUFFERED)


def sds(secret: str) -> Node:
    """The contents of a cluster's secret file. Whoever writes it keeps it in a directory that only the owner reads."""
    return _sds({"inline_string": secret})


def sds_reference(reference: Variable | InFile) -> Node:
    """The same for an Envoy that finds the secret itself."""
    return _sds(source(reference))


def _sds(secret: Node) -> Node:
    return {"resources": [{"@type": SECRET_TYPE, "name": SECRET_NAME, "generic_secret": {"secret": secret}}]}


def aws_keys_file(access_key_id: str, secret_access_key: str, session_token: str | None) -> str:
    """The same for a cluster whose requests are signed: a file in the form of AWS's own."""
    lines = [f"[{AWS_PROFILE}]", f"aws_access_key_id={access_key_id}", f"aws_secret_access_key={secret_access_key}"]
    if session_token is not None:
        lines.append(f"aws_session_token={session_token}")
    return "\n".join(lines) + "\n"


def whole(rendered: Rendered) -> Node:
    """The same as one static configuration, for `envoy --mode validate`, which does not look into files that Envoy
    follows. Resources lose their type, and the listener names its routes in place."""
    held = json.loads(json.dumps(rendered.bootstrap))
    del held["dynamic_resources"]
    (routes,) = (_untyped(table) for table in rendered.routes)
    held["static_resources"]["clusters"] += [_untyped(cluster) for cluster in rendered.clusters]
    held["static_resources"]["listeners"] += [_with_routes(_untyped(one), routes) for one in rendered.listeners]
    return dict(held)


def _untyped(resource: Node) -> Node:
    return {key: value for key, value in resource.items() if key != "@type"}


def _with_routes(resource: Node, routes: Node) -> Node:
    copy: Node = json.loads(json.dumps(resource))
    manager = copy["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["rds"]
    manager["route_config"] = routes
    return copy
