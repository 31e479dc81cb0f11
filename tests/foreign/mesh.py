"""What a mesh does with our manifests, as far as we use it: patches applied onto a plain configuration of its own.

Law: each operation does what its documentation says and nothing more; one that is not known here is an error. The
result is a bootstrap that a real Envoy takes.
"""

import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from tests.foreign.scene import Scene, Shape

Node = dict[str, Any]
MANAGER: Final = "envoy.filters.network.http_connection_manager"
ROUTER: Final = "envoy.filters.http.router"
EXTENSIONS: Final = "type.googleapis.com/envoy.extensions"
EG_LISTENER: Final = "default/eg/http"


def base(port: int, owners: int, admin: Path, chain: Callable[[Node], Node]) -> Node:
    """A listener with one route of its owner's; `chain` says where its filters stand."""
    manager = {
        "@type": f"{EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "owner",
        "use_remote_address": True,
        "access_log": [],
        "http_filters": [{"name": ROUTER, "typed_config": {"@type": f"{EXTENSIONS}.filters.http.router.v3.Router"}}],
        "route_config": {
            "name": EG_LISTENER,
            "virtual_hosts": [
                {
                    "name": f"*:{port}",
                    "domains": ["*"],
                    "routes": [{"name": "owner", "match": {"prefix": "/"}, "route": {"cluster": "owners"}}],
                }
            ],
        },
    }
    listener = {
        "name": EG_LISTENER,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "per_connection_buffer_limit_bytes": 32768,
        **chain({"filters": [{"name": MANAGER, "typed_config": manager}]}),
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": owners}}
    cluster = {
        "name": "owners",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "owners",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    return {
        "node": {"id": "mesh", "cluster": "mesh"},
        "admin": {"address": {"pipe": {"path": str(admin)}}},
        "static_resources": {"listeners": [listener], "clusters": [cluster]},
    }


def in_chains(chain: Node) -> Node:
    return {"filter_chains": [chain]}


def in_default_chain(chain: Node) -> Node:
    return {"default_filter_chain": chain}


# --- Istio -----------------------------------------------------------------------------------------------------------


def apply_envoy_filter(configuration: Node, manifest: Node) -> Node:
    made = copy.deepcopy(configuration)
    for patch in manifest["spec"]["configPatches"]:
        _ISTIO[patch["applyTo"], patch["patch"]["operation"]](made, patch["match"], patch["patch"]["value"])
    return made


def _manager(made: Node) -> Node:
    (listener,) = made["static_resources"]["listeners"]
    chain = listener["filter_chains"][0] if "filter_chains" in listener else listener["default_filter_chain"]
    found: Node = chain["filters"][0]
    return found


def _add_cluster(made: Node, match: Node, value: Node) -> None:
    made["static_resources"]["clusters"].append(value)


def _merge_listener(made: Node, match: Node, value: Node) -> None:
    (listener,) = made["static_resources"]["listeners"]
    merge(listener, value)


def _merge_manager(made: Node, match: Node, value: Node) -> None:
    assert match["listener"]["filterChain"]["filter"]["name"] == MANAGER
    merge(_manager(made), value)


def _place(made: Node, match: Node) -> tuple[list[Node], int]:
    wanted = match["listener"]["filterChain"]["filter"]["subFilter"]["name"]
    filters = _manager(made)["typed_config"]["http_filters"]
    return filters, next(place for place, one in enumerate(filters) if one["name"] == wanted)


def _merge_filter(made: Node, match: Node, value: Node) -> None:
    filters, place = _place(made, match)
    merge(filters[place], value)


def _insert_before(made: Node, match: Node, value: Node) -> None:
    filters, place = _place(made, match)
    filters.insert(place, value)


def _insert_first(made: Node, match: Node, value: Node) -> None:
    for host in _manager(made)["typed_config"]["route_config"]["virtual_hosts"]:
        host["routes"].insert(0, value)


_ISTIO = {
    ("CLUSTER", "ADD"): _add_cluster,
    ("LISTENER", "MERGE"): _merge_listener,
    ("NETWORK_FILTER", "MERGE"): _merge_manager,
    ("HTTP_FILTER", "MERGE"): _merge_filter,
    ("HTTP_FILTER", "INSERT_BEFORE"): _insert_before,
    ("HTTP_ROUTE", "INSERT_FIRST"): _insert_first,
}


def merge(into: Node, value: Node) -> None:
    """As protobuf merges: lists grow, messages merge, all else is replaced."""
    for key, new in value.items():
        old = into.get(key)
        if isinstance(old, list):
            old.extend(new)
        elif isinstance(old, dict):
            merge(old, new)
        else:
            into[key] = new


# --- Envoy Gateway ---------------------------------------------------------------------------------------------------


def apply_patch_policy(configuration: Node, manifest: Node) -> Node:
    made = copy.deepcopy(configuration)
    (listener,) = made["static_resources"]["listeners"]
    resources = {
        "envoy.config.listener.v3.Listener": listener,
        "envoy.config.route.v3.RouteConfiguration": _manager(made)["typed_config"]["route_config"],
    }
    for patch in manifest["spec"]["jsonPatches"]:
        kind, operation = patch["type"].partition("/")[2], patch["operation"]
        assert operation["op"] == "add"
        if operation["path"] == "":
            assert kind == "envoy.config.cluster.v3.Cluster" and patch["name"] == operation["value"]["name"]
            made["static_resources"]["clusters"].append(operation["value"])
            continue
        assert patch["name"] == EG_LISTENER
        for pointer in _pointers(resources[kind], operation):
            _json_add(resources[kind], pointer, operation["value"])
    return made


def _pointers(resource: Node, operation: Node) -> list[str]:
    """A JSON path is expanded, and what stands in `path` is appended to each place that it finds."""
    path = operation.get("jsonPath")
    if path is None:
        return [operation["path"]]
    assert path == f"..http_filters[?(@.name=='{ROUTER}')]", "another JSON path than this test knows"
    filters = "/default_filter_chain/filters/0/typed_config/http_filters"
    return [
        f"{filters}/{place}{operation['path']}"
        for place, one in enumerate(_at(resource, filters.split("/")[1:]))
        if one["name"] == ROUTER
    ]


def _at(found: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        found = found[int(part)] if isinstance(found, list) else found.setdefault(part, {})
    return found


def _json_add(resource: Node, pointer: str, value: Any) -> None:
    *parts, last = pointer.split("/")[1:]
    holder = _at(resource, parts)
    if isinstance(holder, list):
        holder.insert(len(holder) if last == "-" else int(last), value)
    else:
        holder[last] = value


# --- shapes ----------------------------------------------------------------------------------------------------------


def documents(text: str) -> list[Node]:
    return [document for document in yaml.safe_load_all(text) if document is not None]


def istio(owners: Callable[[], int]) -> Shape:
    def made(scene: Scene) -> Path:
        *maps, patches = documents(scene.render("istio", "--mounted", str(scene.directory / "mounted")))
        _mount(maps, scene.directory / "mounted")
        plain = base(scene.port, owners(), scene.admin, in_chains)
        return _write(scene, apply_envoy_filter(plain, patches))

    return made


def envoy_gateway(owners: Callable[[], int]) -> Shape:
    def made(scene: Scene) -> Path:
        *maps, policy = documents(scene.render("envoy-gateway", "--mounted", str(scene.directory / "mounted")))
        _mount(maps, scene.directory / "mounted")
        plain = base(scene.port, owners(), scene.admin, in_default_chain)
        return _write(scene, apply_patch_policy(plain, policy))

    return made


def _mount(maps: Sequence[Node], directory: Path) -> None:
    directory.mkdir()
    for one in maps:
        assert one["kind"] == "ConfigMap"
        for name, text in one["data"].items():
            (directory / name).write_text(text)


def _write(scene: Scene, configuration: Node) -> Path:
    file = scene.directory / "mesh.json"
    file.write_text(json.dumps(configuration))
    return file
