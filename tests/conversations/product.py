"""The product's own streams for the suite: routers and attempts around one shelf, with what they count."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from extproc import names
from extproc.app.processor import ProcessorSettings, _Processor
from extproc.snapshot import Snapshot
from extproc.wire.pb.external_processor_pb2 import ProcessingResponse
from extproc.wire.structs import read_struct
from tests.conversations import messages as say
from tests.exchange.scene import snapshot

ID = "id-1"
ROUTER = {names.FILTER_METADATA: names.FILTER_ROUTER}
ATTEMPT = {names.FILTER_METADATA: names.FILTER_ATTEMPT}
BUFFERED = ("BUFFERED", "NONE")


class Product:
    """One processor without its sockets."""

    def __init__(self) -> None:
        self.first = snapshot()
        self._processor = _Processor(ProcessorSettings(listen=(), admin=None, drain=0.0), self.first)
        self._processor._agreement.in_order = True  # as under `up`: Envoy is told in step with us
        self.set(new_id=lambda: ID, draw=lambda: 0.5)

    def set(self, **functions: Callable[[], Any]) -> None:
        self._processor._streams._desk = replace(self._processor._streams._desk, **functions)

    def open_stream(self, metadata: Mapping[str, str]) -> Any:
        return self._processor._streams.open(metadata)

    def swap(self, new: Snapshot) -> None:
        self._processor._in_force.swap(new)

    def metric(self, name: str, **labels: str) -> float:
        return self._processor._metrics.registry.get_sample_value(name, labels) or 0.0

    def decisions(self) -> float:
        return self.metric("extproc_decision_seconds_count")

    def hello(self, route: str = "main", endpoint: str = "chat", pairs: say.Pairs = say.CHAT, **rest: Any) -> bytes:
        """Envoy's first message to the router filter."""
        rest = {"modes": BUFFERED, **rest}
        key = names.route_key(self.first.id, route, endpoint)
        return say.headers(
            "request", pairs, attributes={names.ATTR_ROUTE: key, names.ATTR_SOURCE: "127.0.0.1:9"}, **rest
        )

    def attempt(self, metadata: Mapping[str, Any], number: int = 1, pairs: say.Pairs = say.CHAT, **rest: Any) -> bytes:
        """Envoy's first message to the attempt filter, in the cluster of that target."""
        provider = metadata[names.META][names.M_TARGETS][number - 1].partition("/")[0]
        attributes = {names.ATTR_CLUSTER: self.first.providers[provider].cluster, names.ATTR_ATTEMPT: number}
        forwarded = {space: metadata[space] for space in (names.META, names.META_PRIVATE)}
        rest = {"modes": BUFFERED, **rest}
        return say.headers("request", pairs, attributes=attributes, metadata=forwarded, **rest)


def metadata_of(reply: ProcessingResponse) -> dict[str, Any]:
    return read_struct(reply.dynamic_metadata)


def set_headers(mutation: Any) -> dict[str, bytes]:
    return {option.header.key: option.header.raw_value for option in mutation.set_headers}
