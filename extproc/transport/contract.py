"""What every transport is written against: bytes in, bytes out, for each stream. No transport knows what they mean.

Law: a transport never overlaps two calls of one stream, always calls `closed` once and last, and ends a stream whose
`receive` or `feed` raised with an error status, never cleanly: to Envoy a clean end means «go on without the
processor». `receive` that raises AskAnother ends it as «unavailable»: Envoy asks another processor.
"""

from typing import Protocol


class ByteStream(Protocol):
    async def receive(self, data: bytes) -> tuple[bytes | None, bool]:
        """One message of Envoy's; the reply or None, and whether we end the stream after it."""
        ...

    def closed(self) -> None:
        """The stream is gone, for whatever reason. Called once."""
        ...


class RecordSink(Protocol):
    """One stream of access-log messages."""

    def feed(self, data: bytes) -> None: ...

    def closed(self) -> None: ...
