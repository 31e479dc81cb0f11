"""Attempts that found no host, by Envoy's request id, while their exchange is still walking its plan.

Law: a help for the header that counts real attempts; bounded, the oldest goes out.
"""

from collections import OrderedDict
from typing import Final

from extproc.outcome.classify import SINK_ADDRESS
from extproc.outcome.record import Record

LIMIT: Final = 10_000


class SinkCount:
    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._counts: OrderedDict[str, int] = OrderedDict()

    def record(self, record: Record) -> None:
        if record.kind == "exchange" and record.final:
            self._counts.pop(record.request_id, None)
        elif record.kind == "attempt" and record.remote_address == SINK_ADDRESS and record.request_id:
            self._counts[record.request_id] = self._counts.get(record.request_id, 0) + 1
            self._counts.move_to_end(record.request_id)
            if len(self._counts) > self._limit:
                self._counts.popitem(last=False)

    def of(self, request_id: str) -> int:
        return self._counts.get(request_id, 0)
