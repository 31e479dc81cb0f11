"""Failover by what an answer says: an attempt's answer is held until it is known, then given to the next target or let
go.

Law: held is as little as decides: of a stream its first event, of an error its body up to a limit, of all else nothing.
Then the stream is ended cleanly and Envoy carries the rest alone. Response bodies must not be read further here:
Envoy 1.40 crashes on large ones in an upstream filter. What Envoy's own retry policy takes is left to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from extproc import names
from extproc.dialects.error_classes import classify_error
from extproc.dialects.inflate import plain
from extproc.exchange.first_event import first_event
from extproc.protocol.events import BodyEvent, HeadersEvent, TrailersEvent
from extproc.protocol.replies import HeaderEdit, HeadersReply, MoreTime, Turn
from extproc.refusal import RETRIABLE_STATUSES
from extproc.translation.pair import Destination

LARGEST_HELD: Final = 64 * 1024  # bytes of an error; what stands behind them changes no class
RELEASE: Final = Turn(HeadersReply("response"), done=True)
NEXT_TARGET: Final = Turn(HeadersReply("response", edit=HeaderEdit(set=((names.CTL_RETRY, "1"),))), done=True)


@dataclass(frozen=True, slots=True)
class Hold:
    """What an answer is held for, and how long."""

    to: Destination
    first_event: bool
    fallback_on: frozenset[str]  # classes of error that go to the next target
    patience: float  # seconds that it may take behind the headers


class Reader(Protocol):
    def on_chunk(self, event: BodyEvent) -> bool | None:
        """True: to the next target. False: let it go. None: nothing can be said yet."""
        ...

    def at_end(self) -> bool: ...


class HeldAnswer:
    def __init__(self, hold: Hold) -> None:
        self._hold = hold
        self._reader: Reader | None = None

    def on(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Turn:
        if isinstance(event, HeadersEvent):
            self._reader = self._reader_of(event)
            if self._reader is not None and not event.end_of_stream:
                return Turn(MoreTime(self._hold.patience))  # Envoy sends the body without waiting for this reply
        if self._reader is None:
            return RELEASE
        said = self._reader.on_chunk(event) if isinstance(event, BodyEvent) else self._reader.at_end()
        if said is None:
            return Turn(MoreTime(self._hold.patience))
        return NEXT_TARGET if said else RELEASE

    def _reader_of(self, event: HeadersEvent) -> Reader | None:
        status = event.headers.get(":status") or ""
        if status >= "400":
            ours = self._hold.fallback_on and not _retried_by_envoy(int(status))
            return _Error(self._hold, int(status), event.headers.firsts()) if ours else None
        kind = (event.headers.get("content-type") or "").partition(";")[0].strip().lower()
        readable = status == "200" and not event.headers.get("content-encoding")
        return first_event(kind) if self._hold.first_event and readable else None


def _retried_by_envoy(status: int) -> bool:
    return status >= 500 or status in RETRIABLE_STATUSES


class _Error:
    """An error's body, as much of it as says of which class it is."""

    def __init__(self, hold: Hold, status: int, headers: Mapping[str, str]) -> None:
        self._hold = hold
        self._status = status
        self._headers = headers
        self._body = b""

    def on_chunk(self, event: BodyEvent) -> bool | None:
        self._body += event.data[: LARGEST_HELD - len(self._body)]
        return self.at_end() if event.end_of_stream or len(self._body) >= LARGEST_HELD else None

    def at_end(self) -> bool:
        to = self._hold.to
        body = plain(self._body, self._headers.get("content-encoding", ""), LARGEST_HELD)
        found = classify_error(to.provider.dialect, to.model, self._status, self._headers, body)
        return found in self._hold.fallback_on
