"""One ext_proc message, bytes ↔ value. Stateless: the order of messages is `protocol.conversation`'s.

Law: decoding never guesses (bytes that are no ProcessingRequest raise Garbled, a kind we do not know becomes an
UnknownEvent) and encoding never sends what HTTP forbids (it raises UnsendableHeader). Most replies say nothing but
«go on»: those are serialised once.
"""

import re
from typing import Final

from google.protobuf.message import DecodeError

from extproc import names
from extproc.protocol.events import (
    BodyEvent,
    Context,
    Direction,
    Event,
    HeadersEvent,
    Opening,
    TrailersEvent,
    UnknownEvent,
)
from extproc.protocol.replies import (
    BodyMode,
    BodyReply,
    HeadersReply,
    ImmediateReply,
    Metadata,
    Modes,
    MoreTime,
    Reply,
    TrailersReply,
)
from extproc.wire.header_lines import UnsendableHeader, read_headers, write_answer_headers, write_edit
from extproc.wire.pb.external_processor_pb2 import CommonResponse, ProcessingRequest, ProcessingResponse
from extproc.wire.pb.processing_mode_pb2 import ProcessingMode
from extproc.wire.structs import read_struct, write_struct

__all__ = ["Garbled", "UnsendableHeader", "decode", "empty_reply", "encode"]


class Garbled(ValueError):
    """The bytes are no message of the protocol. The text never repeats them."""


_NO_CONTEXT: Final = Context()
_MODE_NUMBERS: Final[dict[BodyMode, ProcessingMode.BodySendMode]] = {
    "NONE": ProcessingMode.NONE,
    "STREAMED": ProcessingMode.STREAMED,
    "BUFFERED": ProcessingMode.BUFFERED,
    "BUFFERED_PARTIAL": ProcessingMode.BUFFERED_PARTIAL,
}
_ODD_IN_DETAILS: Final = re.compile(r"[^A-Za-z0-9_.:/{}\-]")

EMPTY_REQUEST_HEADERS: Final = ProcessingResponse(request_headers={}).SerializeToString()
EMPTY_RESPONSE_HEADERS: Final = ProcessingResponse(response_headers={}).SerializeToString()
EMPTY_REQUEST_BODY: Final = ProcessingResponse(request_body={}).SerializeToString()
EMPTY_RESPONSE_BODY: Final = ProcessingResponse(response_body={}).SerializeToString()
EMPTY_REQUEST_TRAILERS: Final = ProcessingResponse(request_trailers={}).SerializeToString()
EMPTY_RESPONSE_TRAILERS: Final = ProcessingResponse(response_trailers={}).SerializeToString()

_EMPTY_HEADERS: Final = {"request": EMPTY_REQUEST_HEADERS, "response": EMPTY_RESPONSE_HEADERS}
_EMPTY_BODY: Final = {"request": EMPTY_REQUEST_BODY, "response": EMPTY_RESPONSE_BODY}
_EMPTY_TRAILERS: Final = {"request": EMPTY_REQUEST_TRAILERS, "response": EMPTY_RESPONSE_TRAILERS}


# --- Envoy → us ------------------------------------------------------------------------------------------------------
def decode(data: bytes) -> tuple[Event, Opening | None]:
    """The event, and the Opening where the message says how its filter is set up (Envoy's first one does)."""
    try:
        message = ProcessingRequest.FromString(data)
    except DecodeError:
        raise Garbled("not a ProcessingRequest") from None
    return _event(message), _opening(message)


def _event(message: ProcessingRequest) -> Event:
    which = message.WhichOneof("request")
    context = _context(message)
    match which:
        case "request_headers" | "response_headers":
            part = message.request_headers if which == "request_headers" else message.response_headers
            return HeadersEvent(_direction(which), read_headers(part.headers), part.end_of_stream, context)
        case "request_body" | "response_body":
            body = message.request_body if which == "request_body" else message.response_body
            return BodyEvent(_direction(which), body.body, body.end_of_stream, context)
        case "request_trailers" | "response_trailers":
            trailers = message.request_trailers if which == "request_trailers" else message.response_trailers
            return TrailersEvent(_direction(which), read_headers(trailers.trailers), context)
        case _:
            return UnknownEvent("none of the six parts of an exchange")


def _direction(which: str) -> Direction:
    return "request" if which.startswith("request") else "response"


def _context(message: ProcessingRequest) -> Context:
    attributes, metadata = message.attributes, message.metadata_context.filter_metadata
    if not attributes and not metadata:
        return _NO_CONTEXT
    ours = names.EXT_PROC_ATTRIBUTES
    return Context(
        attributes=read_struct(attributes[ours]) if ours in attributes else {},
        metadata={namespace: read_struct(struct) for namespace, struct in metadata.items()},
    )


def _opening(message: ProcessingRequest) -> Opening | None:
    if not message.HasField("protocol_config"):
        return Opening(observability=True) if message.observability_mode else None
    config = message.protocol_config
    return Opening(
        observability=message.observability_mode,
        request_body_mode=_mode_name(config.request_body_mode),
        response_body_mode=_mode_name(config.response_body_mode),
    )


def _mode_name(number: int) -> str:
    known = ProcessingMode.BodySendMode.DESCRIPTOR.values_by_number.get(number)
    return known.name if known is not None else f"UNKNOWN_{number}"


# --- us → Envoy ------------------------------------------------------------------------------------------------------
def empty_reply(event: Event) -> bytes:
    """«Go on», in the kind that answers this event."""
    match event:
        case HeadersEvent():
            return _EMPTY_HEADERS[event.direction]
        case BodyEvent():
            return _EMPTY_BODY[event.direction]
        case TrailersEvent():
            return _EMPTY_TRAILERS[event.direction]
        case UnknownEvent():
            raise ValueError("an unknown event has no matching reply")


def encode(reply: Reply) -> bytes:
    match reply:
        case HeadersReply():
            return _headers_reply(reply)
        case BodyReply():
            return _body_reply(reply)
        case TrailersReply():
            return _trailers_reply(reply)
        case MoreTime():
            return _more_time(reply)
        case ImmediateReply():
            return _immediate_reply(reply)


def _headers_reply(reply: HeadersReply) -> bytes:
    says_common = bool(reply.edit) or reply.clear_route
    if not says_common and not reply.metadata and reply.modes is None:
        return _EMPTY_HEADERS[reply.direction]
    message = ProcessingResponse()
    part = message.request_headers if reply.direction == "request" else message.response_headers
    part.SetInParent()
    if says_common:
        _write_common(part.response, reply)
    _write_metadata(message, reply.metadata)
    if reply.modes is not None:
        _write_modes(message.mode_override, reply.modes)
    return message.SerializeToString()


def _body_reply(reply: BodyReply) -> bytes:
    says_common = bool(reply.edit) or reply.clear_route or reply.body is not None
    if not says_common and not reply.metadata:
        return _EMPTY_BODY[reply.direction]
    message = ProcessingResponse()
    part = message.request_body if reply.direction == "request" else message.response_body
    part.SetInParent()
    if says_common:
        _write_common(part.response, reply)
    if reply.body:
        part.response.body_mutation.body = reply.body
    elif reply.body is not None:
        part.response.body_mutation.clear_body = True
    _write_metadata(message, reply.metadata)
    return message.SerializeToString()


def _write_common(common: CommonResponse, reply: HeadersReply | BodyReply) -> None:
    common.status = CommonResponse.CONTINUE
    if reply.edit:
        write_edit(common.header_mutation, reply.edit)
    common.clear_route_cache = reply.clear_route


def _trailers_reply(reply: TrailersReply) -> bytes:
    if not reply.edit:
        return _EMPTY_TRAILERS[reply.direction]
    message = ProcessingResponse()
    part = message.request_trailers if reply.direction == "request" else message.response_trailers
    write_edit(part.header_mutation, reply.edit)
    return message.SerializeToString()


def _more_time(reply: MoreTime) -> bytes:
    message = ProcessingResponse()
    message.override_message_timeout.FromMilliseconds(round(reply.seconds * 1000))
    return message.SerializeToString()


def _immediate_reply(reply: ImmediateReply) -> bytes:
    if not 200 <= reply.status <= 599:
        raise ValueError(f"{reply.status} is no status that ends an exchange")
    message = ProcessingResponse()
    answer = message.immediate_response
    answer.status.code = reply.status
    write_answer_headers(answer.headers, reply.headers)
    answer.body = reply.body
    answer.details = _ODD_IN_DETAILS.sub("_", reply.details)  # one word of the access log's line
    _write_metadata(message, reply.metadata)
    return message.SerializeToString()


def _write_metadata(message: ProcessingResponse, metadata: Metadata) -> None:
    if metadata:
        write_struct(message.dynamic_metadata, metadata)


def _write_modes(override: ProcessingMode, modes: Modes) -> None:
    override.request_header_mode = ProcessingMode.SEND
    override.response_header_mode = ProcessingMode.SEND if modes.response_headers else ProcessingMode.SKIP
    override.request_body_mode = _MODE_NUMBERS[modes.request_body]
    override.response_body_mode = _MODE_NUMBERS[modes.response_body]
    override.request_trailer_mode = ProcessingMode.SKIP
    override.response_trailer_mode = ProcessingMode.SKIP
