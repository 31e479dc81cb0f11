"""The form in which Envoy takes configuration: JSON objects, extensions marked with their type.

Law: what is made here and by its users is data that `json.dumps` writes; nobody reads it back.
"""

from typing import Any

Node = dict[str, Any]

ANY = "type.googleapis.com"
EXTENSIONS = f"{ANY}/envoy.extensions"


def typed(kind: str, **fields: Any) -> Node:
    """An extension's configuration; `kind` is its message behind `envoy.extensions.`."""
    return {"@type": f"{EXTENSIONS}.{kind}", **fields}


def named(name: str, kind: str, **fields: Any) -> Node:
    return {"name": name, "typed_config": typed(kind, **fields)}


def seconds(value: float) -> str:
    """A protobuf duration: at most nine digits behind the point, no exponent."""
    return f"{value:.9f}".rstrip("0").rstrip(".") + "s"


def socket_address(host: str, port: int) -> Node:
    return {"socket_address": {"address": host, "port_value": port}}


def pipe(path: str, mode: int | None = None) -> Node:
    """`mode`: who may use a socket that Envoy makes."""
    return {"pipe": {"path": path, **({"mode": mode} if mode is not None else {})}}


def header(name: str, value: str) -> Node:
    """To be added to a request or an answer, in the place of whatever is there."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def file_source(path: str) -> Node:
    """A file that Envoy reads again when another is moved onto it."""
    return {"resource_api_version": "V3", "path_config_source": {"path": path}}


def expression(text: str) -> Node:
    """A filter of access logs and local replies, in CEL."""
    return {
        "extension_filter": named(
            "envoy.access_loggers.extension_filters.cel",
            "access_loggers.filters.cel.v3.ExpressionFilter",
            expression=text,
        )
    }
