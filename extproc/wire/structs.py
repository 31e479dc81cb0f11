"""protobuf Struct ↔ plain values.

Law: a Struct's numbers are doubles; one that is a whole number comes back as an int, because every counter and length
that Envoy sends is one. Writing takes None, bool, int, float, str, lists, tuples and mappings with text keys, and
nothing else.
"""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import struct_pb2

_EXACT: Final = 2.0**53  # above it a double no longer tells neighbours apart


def read_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    return {key: read_value(value) for key, value in struct.fields.items()}


def read_value(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) <= _EXACT else number
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return read_struct(value.struct_value)
        case "list_value":
            return [read_value(item) for item in value.list_value.values]
        case _:
            return None


def write_struct(struct: struct_pb2.Struct, values: Mapping[str, Any]) -> None:
    struct.SetInParent()  # an empty mapping is an empty Struct, not an absent one
    for key, value in values.items():
        write_value(struct.fields[key], value)


def write_value(target: struct_pb2.Value, value: Any) -> None:
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, (int, float)):
        target.number_value = value
    elif value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, Mapping):
        write_struct(target.struct_value, value)
    elif isinstance(value, (list, tuple)):
        target.list_value.SetInParent()
        for item in value:
            write_value(target.list_value.values.add(), item)
    else:
        raise TypeError(f"a {type(value).__name__} cannot stand in metadata")
