"""A stream that is counted while it is open."""

from extproc.observe.metrics import Metrics
from extproc.transport.contract import ByteStream


class Counted:
    __slots__ = ("_filter", "_metrics", "_stream")

    def __init__(self, stream: ByteStream, filter_name: str, metrics: Metrics) -> None:
        self._stream = stream
        self._filter = filter_name
        self._metrics = metrics
        metrics.stream_opened(filter_name)

    async def receive(self, data: bytes) -> tuple[bytes | None, bool]:
        return await self._stream.receive(data)

    def closed(self) -> None:
        self._stream.closed()
        self._metrics.stream_closed(self._filter)
