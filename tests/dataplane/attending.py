"""A stand-in for the processor that attends every exchange: it reads answers and changes them as a test says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from extproc.wire.pb import external_processor_pb2 as pb
from extproc.wire.pb.processing_mode_pb2 import ProcessingMode
from tests.dataplane.processor import Processor, bodies, mutation, read

STREAMED, WHOLE = bodies(ProcessingMode.STREAMED), bodies(ProcessingMode.BUFFERED)


def as_it_is(data: bytes, whole: bool) -> Any:
    return pb.ProcessingResponse(response_body=pb.BodyResponse())


def instead(body: bytes, **headers: str) -> Any:
    """A body, and headers where they are still held."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    common = pb.CommonResponse(header_mutation=mutation(said), body_mutation=pb.BodyMutation(body=body))
    if not body:
        common.body_mutation.clear_body = True
    return pb.ProcessingResponse(response_body=pb.BodyResponse(response=common))


@dataclass(slots=True)
class Attending(Processor):
    mode: Any = field(default_factory=lambda: WHOLE)
    head: dict[str, str] = field(default_factory=dict)  # headers to set before the body comes
    thinks: Callable[[], None] = lambda: None  # before it answers the headers
    change: Callable[[bytes, bool], Any] = as_it_is
    pieces: list[int] = field(default_factory=list)  # sizes of what it was shown

    def _route(self, requests: Iterator[Any]) -> Iterator[Any]:
        headers: dict[str, str] = {}
        for request in requests:
            match request.WhichOneof("request"):
                case "request_headers":
                    headers = read(request.request_headers)
                    if request.request_headers.end_of_stream:
                        yield self._planned(headers, "request_headers")
                    else:
                        yield pb.ProcessingResponse(request_headers=pb.HeadersResponse())
                case "request_body":
                    yield self._planned(headers, "request_body")
                case "response_headers":
                    self.thinks()
                    common = pb.CommonResponse(header_mutation=mutation(self.head, ["content-length"]))
                    said = pb.HeadersResponse(response=common)
                    yield pb.ProcessingResponse(response_headers=said, mode_override=self.mode)
                case "response_body":
                    body = request.response_body
                    self.pieces.append(len(body.body))
                    yield self.change(body.body, body.end_of_stream)
