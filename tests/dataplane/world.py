"""What the live tests share: Envoy, the stand-in for the processor, and two upstreams that answer as a test says."""

from itertools import count
from typing import Any

from extproc import names
from extproc.snapshot import Endpoint
from tests.dataplane.envoy import Answer, Running, eventually
from tests.dataplane.processor import Processor, struct_to_dict
from tests.dataplane.upstream import Upstream

CHAT = "/v1/chat/completions"
NUMBERS = count()
GOOD, BAD = Upstream(), Upstream()
SHUT = Endpoint("http", "127.0.0.1", 1)


def decision(entry: Any) -> dict[str, Any]:
    return struct_to_dict(entry.common_properties.metadata.filter_metadata[names.META])


class World:
    def __init__(self, envoy: Running, processor: Processor) -> None:
        self.envoy = envoy
        self.processor = processor

    def chat(self, plan: str, body: bytes = b'{"model":"m"}', **headers: str) -> Answer:
        said = {"content-type": "application/json", "x-plan": plan}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.envoy.ask("POST", CHAT, said, body)

    def records(self, name: str) -> list[Any]:
        return [entry for log, entry in self.processor.records if log == name]

    @property
    def id(self) -> str:
        return self.processor.id

    def exchange(self) -> Any:
        """The record of this test's only exchange."""
        (entry,) = eventually(
            lambda: [one for one in self.records(names.LOG_EXCHANGE) if decision(one).get(names.M_ID) == self.id]
        )
        return entry

    def attempts(self, number: int) -> list[Any]:
        """The records of its attempts: they bear the exchange's x-request-id, and come on another stream."""
        stream = self.exchange().common_properties.stream_id

        def found() -> list[Any]:
            return [one for one in self.records(names.LOG_ATTEMPT) if one.request.request_id == stream]

        eventually(lambda: len(found()) >= number)
        return found()

    def usage(self) -> dict[str, Any]:
        return struct_to_dict(self.exchange().common_properties.metadata.filter_metadata[names.META_USAGE])


def events(*texts: str) -> tuple[bytes, ...]:
    return tuple(f"data: {text}\n\n".encode() for text in texts)


def stream(upstream: Upstream, *texts: str) -> bytes:
    upstream.headers, upstream.chunks = {"content-type": "text/event-stream"}, events(*texts)
    return b"".join(upstream.chunks)
