"""Envoy's access-log messages → records.

Law: a record says what Envoy said and nothing more: an absent time is None, an absent text is empty. Which kind a
record is says the stream's log name; where that is missing or strange, the entry's own type; where that is missing
too, the entry is left out.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal

from google.protobuf.message import DecodeError

from extproc import names
from extproc.outcome.record import Record
from extproc.wire.codec import Garbled
from extproc.wire.pb import access_log_pb2, core_pb2
from extproc.wire.pb.access_log_service_pb2 import StreamAccessLogsMessage
from extproc.wire.structs import read_struct

Kind = Literal["exchange", "attempt"]

_KIND_OF_LOG: Final[dict[str, Kind]] = {names.LOG_EXCHANGE: "exchange", names.LOG_ATTEMPT: "attempt"}
_KIND_OF_TYPE: Final[dict[int, Kind]] = {
    access_log_pb2.DownstreamStart: "exchange",
    access_log_pb2.DownstreamPeriodic: "exchange",
    access_log_pb2.DownstreamEnd: "exchange",
    access_log_pb2.UpstreamPoolReady: "attempt",
    access_log_pb2.UpstreamPeriodic: "attempt",
    access_log_pb2.UpstreamEnd: "attempt",
}
_NOT_FINAL: Final = frozenset(
    {
        access_log_pb2.DownstreamStart,
        access_log_pb2.DownstreamPeriodic,
        access_log_pb2.UpstreamPoolReady,
        access_log_pb2.UpstreamPeriodic,
    }
)
# What outcomes are made of. The plan and the private part, which a record holds too, are read by nobody.
_NAMESPACES: Final = (names.META, names.META_USAGE)
# envoy.config.core.v3.RequestMethod, by number
_METHODS: Final = ("", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")


def decode_records(data: bytes, log_name: str | None = None) -> tuple[str | None, list[Record]]:
    """The log name if this message has one, and its records. `log_name`: what an earlier message of the stream said."""
    try:
        message = StreamAccessLogsMessage.FromString(data)
    except DecodeError:
        raise Garbled("not a StreamAccessLogsMessage") from None
    said = message.identifier.log_name or None
    return said, list(_records(message, _KIND_OF_LOG.get(said or log_name or "")))


def _records(message: StreamAccessLogsMessage, kind_of_log: Kind | None) -> Iterator[Record]:
    for entry in message.http_logs.log_entry:
        kind = kind_of_log or _KIND_OF_TYPE.get(entry.common_properties.access_log_type)
        if kind is not None:
            yield _record(entry, kind)


def _record(entry: access_log_pb2.HTTPAccessLogEntry, kind: Kind) -> Record:
    common, request, response = entry.common_properties, entry.request, entry.response
    return Record(
        kind=kind,
        request_id=request.request_id,
        final=not common.intermediate_log_entry and common.access_log_type not in _NOT_FINAL,
        status=response.response_code.value,
        flags=frozenset(flag.name for flag, _ in common.response_flags.ListFields()),
        details=response.response_code_details,
        cluster=common.upstream_cluster,
        remote_address=_address(common.upstream_remote_address),
        attempt=common.upstream_request_attempt_count,
        route_name=common.route_name,
        metadata=_metadata(common),
        started_at=common.start_time.seconds + common.start_time.nanos / 1e9,
        duration=_seconds(common, "duration"),
        first_upstream_byte=_seconds(common, "time_to_first_upstream_rx_byte"),
        request_bytes=request.request_body_bytes,
        response_bytes=response.response_body_bytes,
        method=_METHODS[request.request_method] if 0 <= request.request_method < len(_METHODS) else "",
        path=request.path,
        request_headers=dict(request.request_headers),
        response_headers=dict(response.response_headers),
    )


def _metadata(common: access_log_pb2.AccessLogCommon) -> dict[str, dict[str, Any]]:
    told = common.metadata.filter_metadata
    return {space: read_struct(told[space]) for space in _NAMESPACES if space in told}


def _seconds(common: access_log_pb2.AccessLogCommon, field: str) -> float | None:
    if not common.HasField(field):
        return None
    span = getattr(common, field)
    return float(span.seconds + span.nanos / 1e9)


def _address(address: core_pb2.Address) -> str:
    match address.WhichOneof("address"):
        case "socket_address":
            host, port = address.socket_address.address, address.socket_address.port_value
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        case "pipe":
            return address.pipe.path
        case _:
            return ""
