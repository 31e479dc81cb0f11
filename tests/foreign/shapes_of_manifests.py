"""The shapes of the manifests that are rendered, as far as they are used: which fields there are, and of which kind.

Law: written from the public references of Istio's EnvoyFilter (networking.istio.io/v1alpha3), Envoy Gateway's
EnvoyPatchPolicy (gateway.envoyproxy.io/v1alpha1) and Kubernetes' ConfigMap. A field that is not here is a mistake.
"""

from typing import Any, Final

Shape = dict[str, Any]
TEXT: Final = str
NUMBER: Final = int
ANYTHING: Final = object

_METADATA: Final = {"name": TEXT, "namespace": TEXT}
_FILTER: Final = {"name": TEXT, "?subFilter": {"name": TEXT}}
_MATCH: Final = {
    "context": {"ANY", "GATEWAY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND"},
    "?listener": {"?portNumber": NUMBER, "?filterChain": {"filter": _FILTER}},
    "?routeConfiguration": {"?portNumber": NUMBER, "?vhost": {"name": TEXT}},
}
_APPLIES_TO: Final = {"CLUSTER", "LISTENER", "NETWORK_FILTER", "HTTP_FILTER", "HTTP_ROUTE"}
_OPERATIONS: Final = {"ADD", "MERGE", "INSERT_BEFORE", "INSERT_FIRST"}
_RESOURCES: Final = {
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.listener.v3.Listener",
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
}

SHAPES: Final[dict[str, Shape]] = {
    "EnvoyFilter": {
        "apiVersion": {"networking.istio.io/v1alpha3"},
        "kind": {"EnvoyFilter"},
        "metadata": _METADATA,
        "spec": {
            "?workloadSelector": {"labels": ANYTHING},
            "configPatches": [
                {
                    "applyTo": _APPLIES_TO,
                    "match": _MATCH,
                    "patch": {"operation": _OPERATIONS, "value": ANYTHING},
                }
            ],
        },
    },
    "EnvoyPatchPolicy": {
        "apiVersion": {"gateway.envoyproxy.io/v1alpha1"},
        "kind": {"EnvoyPatchPolicy"},
        "metadata": _METADATA,
        "spec": {
            "type": {"JSONPatch"},
            "targetRef": {"group": {"gateway.networking.k8s.io"}, "kind": {"Gateway"}, "name": TEXT},
            "jsonPatches": [
                {
                    "type": _RESOURCES,
                    "name": TEXT,
                    "operation": {"op": {"add"}, "path": TEXT, "?jsonPath": TEXT, "value": ANYTHING},
                }
            ],
        },
    },
    "ConfigMap": {"apiVersion": {"v1"}, "kind": {"ConfigMap"}, "metadata": _METADATA, "data": ANYTHING},
}


def wrong(value: Any, shape: Any, path: str = "") -> list[str]:
    """Where a manifest is not of its shape; a key that begins with `?` may be left out."""
    if shape is ANYTHING:
        return []
    if isinstance(shape, set):
        return [] if value in shape else [f"{path}: {value!r} is none of {sorted(shape)}"]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{path}: no list"]
        return [one for place, inner in enumerate(value) for one in wrong(inner, shape[0], f"{path}[{place}]")]
    if isinstance(shape, dict):
        return _wrong_mapping(value, shape, path)
    return [] if isinstance(value, shape) and not isinstance(value, bool) else [f"{path}: no {shape.__name__}"]


def _wrong_mapping(value: Any, shape: Shape, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: no mapping"]
    known = {key.removeprefix("?"): inner for key, inner in shape.items()}
    found = [f"{path}.{key}: is not known" for key in value if key not in known]
    found += [f"{path}.{key}: is missing" for key in shape if not key.startswith("?") and key not in value]
    return found + [
        one for key, inner in known.items() if key in value for one in wrong(value[key], inner, f"{path}.{key}")
    ]
