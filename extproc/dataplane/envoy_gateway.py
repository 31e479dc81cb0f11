"""The gateway as a guest of Envoy Gateway: one EnvoyPatchPolicy of JSON patches.

Law: the same additions as for Istio. Envoy Gateway has policies for an external processor of its own, but none for a
filter in a cluster, so only patches can say what is needed here; they must be enabled there.
"""

from dataclasses import dataclass
from typing import Any, Final

from extproc.dataplane.form import ANY, Node
from extproc.dataplane.guest import Guest

_CLUSTER: Final = f"{ANY}/envoy.config.cluster.v3.Cluster"
_LISTENER: Final = f"{ANY}/envoy.config.listener.v3.Listener"
_ROUTES: Final = f"{ANY}/envoy.config.route.v3.RouteConfiguration"
_ROUTER: Final = "..http_filters[?(@.name=='envoy.filters.http.router')]"


@dataclass(frozen=True, slots=True)
class EnvoyGateway:
    """Where it is a guest."""

    gateway: str = "eg"
    namespace: str = "default"
    listener: str = "http"  # its name in the Gateway
    https: bool = False  # one that ends TLS has its filters elsewhere
    name: str = "extproc"

    @property
    def resource(self) -> str:
        """What Envoy Gateway calls the listener, and its routes."""
        return f"{self.namespace}/{self.gateway}/{self.listener}"

    @property
    def manager(self) -> str:
        chain = "/filter_chains/0" if self.https else "/default_filter_chain"
        return f"{chain}/filters/0/typed_config"


def patch_policy(guest: Guest, at: EnvoyGateway) -> Node:
    return {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "EnvoyPatchPolicy",
        "metadata": {"name": at.name, "namespace": at.namespace},
        "spec": {
            "type": "JSONPatch",
            "targetRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": at.gateway},
            "jsonPatches": _patches(guest, at),
        },
    }


def _patches(guest: Guest, at: EnvoyGateway) -> list[Node]:
    listener = [
        _add("/per_connection_buffer_limit_bytes", guest.connection_buffer),
        *(_add(f"{at.manager}/access_log/-", log) for log in guest.exchange_logs),
        _add(f"{at.manager}/local_reply_config", {"mappers": guest.local_replies}),
        {"op": "add", "jsonPath": _ROUTER, "path": "/typed_config/upstream_log", "value": guest.attempt_logs},
        # each becomes the first, so the last to come stands first
        *(_add(f"{at.manager}/http_filters/0", one) for one in reversed(guest.filters)),
    ]
    return [
        *(_patch(_CLUSTER, str(cluster["name"]), _add("", cluster)) for cluster in guest.clusters),
        *(_patch(_LISTENER, at.resource, operation) for operation in listener),
        *(_patch(_ROUTES, at.resource, _add("/virtual_hosts/0/routes/0", route)) for route in reversed(guest.routes)),
    ]


def _add(path: str, value: Any) -> Node:
    return {"op": "add", "path": path, "value": value}


def _patch(kind: str, name: str, operation: Node) -> Node:
    return {"type": kind, "name": name, "operation": operation}
