"""What Envoy says, in protobuf, in the fewest words a script can use."""

from collections.abc import Mapping
from typing import Any

from extproc.wire.pb.core_pb2 import HeaderMap, HeaderValue
from extproc.wire.pb.external_processor_pb2 import ProcessingRequest, ProcessingResponse
from extproc.wire.structs import write_struct

Pairs = tuple[tuple[str, bytes | str], ...]
CHAT: Pairs = ((":method", b"POST"), (":path", b"/v1/chat/completions"), ("content-type", b"application/json"))
GET: Pairs = ((":method", b"GET"), (":path", b"/v1/models"))
OK: Pairs = ((":status", b"200"), ("content-type", b"application/json"))


def header_map(pairs: Pairs) -> HeaderMap:
    return HeaderMap(headers=[HeaderValue(key=key, raw_value=_raw(value)) for key, value in pairs])


def _raw(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def headers(direction: str, pairs: Pairs, *, end: bool = False, **rest: Any) -> bytes:
    part = {"headers": header_map(pairs), "end_of_stream": end}
    return _message({f"{direction}_headers": part}, **rest)


def body(direction: str, data: bytes, *, end: bool = True, **rest: Any) -> bytes:
    return _message({f"{direction}_body": {"body": data, "end_of_stream": end}}, **rest)


def trailers(direction: str, pairs: Pairs = (("grpc-status", b"0"),), **rest: Any) -> bytes:
    return _message({f"{direction}_trailers": {"trailers": header_map(pairs)}}, **rest)


def _message(
    part: dict[str, Any],
    *,
    modes: tuple[str, str] | None = None,
    attributes: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
    observability: bool = False,
) -> bytes:
    message = ProcessingRequest(**part, observability_mode=observability)
    if modes is not None:
        message.protocol_config.request_body_mode = modes[0]
        message.protocol_config.response_body_mode = modes[1]
    if attributes is not None:
        write_struct(message.attributes["envoy.filters.http.ext_proc"], attributes)
    for namespace, values in (metadata or {}).items():
        write_struct(message.metadata_context.filter_metadata[namespace], values)
    return message.SerializeToString()


def read(data: bytes) -> ProcessingResponse:
    return ProcessingResponse.FromString(data)


def kind(data: bytes) -> str:
    """The name of the reply's oneof: what Envoy matches with what it sent."""
    return read(data).WhichOneof("response") or "nothing"
