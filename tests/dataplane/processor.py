"""A stand-in for the processor: it plans what the request's `x-plan` says, and keeps what Envoy told it.

Law: it does the least that the data plane relies on, so that these tests show what Envoy does and not what we decide.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import json_format, struct_pb2
from google.protobuf.duration_pb2 import Duration

from extproc import names
from extproc.dataplane.place import Place
from extproc.dialects.endpoints import BY_NAME
from extproc.protocol.events import Headers
from extproc.protocol.replies import HeaderEdit
from extproc.transport.health import SERVING
from extproc.wire.pb import access_log_pb2 as access_log
from extproc.wire.pb import access_log_service_pb2 as logs
from extproc.wire.pb import core_pb2 as core
from extproc.wire.pb import external_processor_pb2 as pb
from extproc.wire.pb.processing_mode_pb2 import ProcessingMode


def bodies(mode: Any) -> Any:
    """Ask for an answer's body."""
    return ProcessingMode(
        request_header_mode=ProcessingMode.SEND,
        response_header_mode=ProcessingMode.SEND,
        response_body_mode=mode,
        request_trailer_mode=ProcessingMode.SKIP,
        response_trailer_mode=ProcessingMode.SKIP,
    )


PARTLY = bodies(ProcessingMode.BUFFERED_PARTIAL)
OVERWRITE = core.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD


@dataclass(slots=True)
class Processor:
    """What the tests say and read."""

    id: str = "exchange"  # of every exchange, until a test says another
    decision: dict[str, Any] = field(default_factory=dict)  # over and above id and targets
    told: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # (filter, request headers)
    routes: list[str] = field(default_factory=list)
    records: list[tuple[str, Any]] = field(default_factory=list)  # (log name, entry)
    holds: float = 0.0  # seconds over and above the first chunk
    refuses: int | None = None  # answer every request with this status
    errors: list[tuple[str, bytes | None]] = field(default_factory=list)  # (status, body) of answers shown as errors
    losses: dict[str, list[str]] = field(default_factory=dict)  # what an attempt in this cluster tells of losses
    maps: int | None = None  # answer every error with this status
    opened: list[str] = field(default_factory=list)  # the filter of each stream
    log_streams: int = 0
    # (cluster, headers, body) of an attempt → what is made of it, once its body is here
    rewrites: Callable[[str, Headers, bytes], tuple[HeaderEdit, bytes]] | None = None

    def process(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        metadata = dict(context.invocation_metadata())
        filter_name = metadata[names.FILTER_METADATA]
        self.opened.append(filter_name)
        phases = {names.FILTER_ROUTER: self._route, names.FILTER_ATTEMPT: self._attempt}
        yield from phases.get(filter_name, self._error)(requests)

    def _route(self, requests: Iterator[Any]) -> Iterator[Any]:
        headers: dict[str, str] = {}
        for request in requests:
            kind = request.WhichOneof("request")
            if kind == "request_headers":
                headers = read(request.request_headers)
                self.told.append((names.FILTER_ROUTER, headers))
                route = request.attributes[names.EXT_PROC_ATTRIBUTES].fields[names.ATTR_ROUTE].string_value
                self.routes.append(route)
                if self.refuses is not None:
                    yield self._refusal()
                    return
                if request.request_headers.end_of_stream or not has_its_body_read(route):
                    yield self._planned(headers, "request_headers")
                    return
                yield pb.ProcessingResponse(request_headers=pb.HeadersResponse())
            elif kind == "request_body":
                yield self._planned(headers, "request_body")
                return

    def _planned(self, headers: dict[str, str], phase: str) -> Any:
        plan = [part for part in headers.get("x-plan", "").split(",") if part]
        metadata: dict[str, Any] = {names.META: {names.M_ID: self.id, **self.decision}}
        said = {}
        if plan:
            metadata[names.META][names.M_TARGETS] = [f"{name}/m" for name in plan]
            metadata[names.META_PLAN] = {
                "priority_groups": [
                    {"name": str(n), "clusters": [{"cluster_name": cluster(name), "weight": 1}]}
                    for n, name in enumerate(plan)
                ]
            }
            said[names.ENVOY_MAX_RETRIES] = str(len(plan) - 1)
        if "x-first-byte" in headers:
            said[names.ENVOY_FIRST_BYTE_TIMEOUT] = headers["x-first-byte"]
        common = pb.CommonResponse(header_mutation=mutation(said, ["x-plan", "x-first-byte"]), clear_route_cache=True)
        answer = {"request_headers": pb.HeadersResponse, "request_body": pb.BodyResponse}[phase](response=common)
        return pb.ProcessingResponse(**{phase: answer}, dynamic_metadata=struct(metadata))

    def _refusal(self) -> Any:
        return pb.ProcessingResponse(
            immediate_response=pb.ImmediateResponse(
                status=pb.HttpStatus(code=self.refuses),
                headers=mutation({"content-type": "application/json", "retry-after": "7"}),
                body=b'{"error":{"code":"ours"}}',
                details="ours",
            ),
            dynamic_metadata=struct({names.META: {names.M_ID: self.id, names.M_REFUSAL: "ours"}}),
        )

    def _error(self, requests: Iterator[Any]) -> Iterator[Any]:
        """Reads an error to its end and, where a test says so, answers in its stead."""
        for request in requests:
            if request.WhichOneof("request") == "response_headers":
                status = read(request.response_headers)[":status"]
                empty = request.response_headers.end_of_stream
                self.errors.append((status, b"" if empty else None))
                if empty and self.maps is not None:
                    yield self._mapped()
                    return
                buffered = PARTLY if not empty else None
                yield pb.ProcessingResponse(response_headers=pb.HeadersResponse(), mode_override=buffered)
                if empty:
                    return
            else:
                self.errors[-1] = (self.errors[-1][0], request.response_body.body)
                passes = pb.ProcessingResponse(response_body=pb.BodyResponse())
                yield passes if self.maps is None else self._mapped()
                return

    def _mapped(self) -> Any:
        return pb.ProcessingResponse(
            immediate_response=pb.ImmediateResponse(
                status=pb.HttpStatus(code=self.maps),
                headers=mutation({"content-type": "application/json", names.SHOULD_RETRY: "false"}),
                body=b'{"error":{"code":"mapped"}}',
                details="extproc_upstream_auth",
            )
        )

    def _attempt(self, requests: Iterator[Any]) -> Iterator[Any]:
        request = next(requests, None)
        if request is None:
            return
        headers = read(request.request_headers)
        self.told.append((names.FILTER_ATTEMPT, headers))
        named = request.attributes[names.EXT_PROC_ATTRIBUTES].fields[names.ATTR_CLUSTER].string_value
        if self.rewrites is not None:
            yield from self._rewrite(named, request.request_headers, requests)
            return
        known = struct_to_dict(request.metadata_context.filter_metadata.get(names.META))
        edit = mutation(
            {"x-cluster": named, "x-known-id": str(known.get(names.M_ID)), ":path": "/told"}, ["authorization"]
        )
        lost = self.losses.get(named.partition("-")[0])
        yield pb.ProcessingResponse(
            request_headers=pb.HeadersResponse(response=pb.CommonResponse(header_mutation=edit)),
            dynamic_metadata=struct({names.META: {names.M_LOSSES: lost}}) if lost is not None else None,
        )
        if named.endswith(names.HELD_SUFFIX):
            yield from self._hold(requests)

    def _rewrite(self, named: str, headers: Any, requests: Iterator[Any]) -> Iterator[Any]:
        yield pb.ProcessingResponse(request_headers=pb.HeadersResponse())
        present = Headers(tuple((one.key, one.raw_value) for one in headers.headers.headers))
        body = next(requests).request_body.body
        assert self.rewrites is not None
        edit, new = self.rewrites(named, present, body)
        common = pb.CommonResponse(
            header_mutation=mutation(dict(edit.set), list(edit.remove)), body_mutation=pb.BodyMutation(body=new)
        )
        yield pb.ProcessingResponse(request_body=pb.BodyResponse(response=common))

    def _hold(self, requests: Iterator[Any]) -> Iterator[Any]:
        """Holds the answer's headers until its first chunk, and turns an error event into the next try."""
        for request in requests:
            kind = request.WhichOneof("request")
            if kind == "request_body":
                yield pb.ProcessingResponse(request_body=pb.BodyResponse())
            elif kind == "response_headers" and request.response_headers.end_of_stream:
                yield pb.ProcessingResponse(response_headers=pb.HeadersResponse())
                return
            elif kind == "response_headers":
                yield pb.ProcessingResponse(override_message_timeout=Duration(seconds=60))
            elif kind == "response_body":
                time.sleep(self.holds)
                again = {names.CTL_RETRY: "1"} if b'"error"' in request.response_body.body else {}
                common = pb.CommonResponse(header_mutation=mutation(again))
                yield pb.ProcessingResponse(response_headers=pb.HeadersResponse(response=common))
                if not again:
                    yield pb.ProcessingResponse(response_body=pb.BodyResponse())
                return

    def log(self, messages: Iterator[Any], context: Any) -> Any:
        self.log_streams += 1
        for message in messages:
            for entry in message.http_logs.log_entry:
                kind = LOG_OF[entry.common_properties.access_log_type]
                self.records.append((kind, entry))
        return logs.StreamAccessLogsResponse()


def has_its_body_read(route: str) -> bool:
    key = names.parse_route_key(route)
    endpoint = BY_NAME.get(key[2]) if key else None
    return endpoint is not None and endpoint.body == "json"


def cluster(name: str) -> str:
    bare, _, suffix = name.partition("+")
    return f"{bare}-0a1b2c3d" + (names.HELD_SUFFIX if suffix else "")


def read(headers: Any) -> dict[str, str]:
    return {one.key: one.raw_value.decode("latin-1") or one.value for one in headers.headers.headers}


def mutation(said: dict[str, str], removed: list[str] | None = None) -> Any:
    options = [
        core.HeaderValueOption(header=core.HeaderValue(key=name, raw_value=value.encode()), append_action=OVERWRITE)
        for name, value in said.items()
    ]
    return pb.HeaderMutation(set_headers=options, remove_headers=removed or [])


def struct(data: dict[str, Any]) -> Any:
    return json_format.ParseDict(data, struct_pb2.Struct())


def struct_to_dict(data: Any) -> dict[str, Any]:
    return json_format.MessageToDict(data) if data is not None else {}


LOG_OF = {
    access_log.DownstreamPeriodic: "periodic",
    access_log.DownstreamEnd: names.LOG_EXCHANGE,
    access_log.UpstreamEnd: names.LOG_ATTEMPT,
}
HEALTHY = grpc.unary_unary_rpc_method_handler(lambda request, context: SERVING)


@contextmanager
def serving(processor: Processor, place: Place) -> Iterator[Processor]:
    def handler(method: Any, kind: str, request: Any, response: Any) -> Any:
        make = getattr(grpc, f"stream_{kind}_rpc_method_handler")
        return make(method, request.FromString, response.SerializeToString)

    server = grpc.server(ThreadPoolExecutor(64), options=[("grpc.max_receive_message_length", 64 << 20)])
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "envoy.service.ext_proc.v3.ExternalProcessor",
                {"Process": handler(processor.process, "stream", pb.ProcessingRequest, pb.ProcessingResponse)},
            ),
            grpc.method_handlers_generic_handler(
                "envoy.service.accesslog.v3.AccessLogService",
                {
                    "StreamAccessLogs": handler(
                        processor.log, "unary", logs.StreamAccessLogsMessage, logs.StreamAccessLogsResponse
                    )
                },
            ),
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": HEALTHY}),
        )
    )
    server.add_insecure_port(f"unix:{place.processors[0]}")
    server.start()
    try:
        yield processor
    finally:
        server.stop(0).wait(5)
