"""One stream of access-log messages.

Law: Envoy says the log's name in a stream's first message only, so the stream remembers it. What cannot be read is
counted and skipped: a log is a witness, and one garbled sentence does not send it home.
"""

from collections.abc import Callable

from extproc.outcome.record import Record
from extproc.wire.codec import Garbled
from extproc.wire.records import decode_records


class LogStream:
    __slots__ = ("_log_name", "_sink", "garbled")

    def __init__(self, sink: Callable[[Record], None]) -> None:
        self._sink = sink
        self._log_name: str | None = None
        self.garbled = 0  # messages that were skipped

    def feed(self, data: bytes) -> None:
        try:
            said, records = decode_records(data, self._log_name)
        except Garbled:
            self.garbled += 1
            return
        self._log_name = said or self._log_name
        for record in records:
            self._sink(record)

    def closed(self) -> None:
        """Nothing to give back: every record went to the sink when it came."""
