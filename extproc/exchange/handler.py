"""What an exchange offers to the rooms above: one method for each event, one for the end of the stream."""

from typing import Protocol

from extproc.protocol.events import BodyEvent, HeadersEvent, TrailersEvent
from extproc.protocol.replies import Turn


class Handler(Protocol):
    async def on(self, event: HeadersEvent | BodyEvent | TrailersEvent) -> Turn: ...

    def closed(self) -> None:
        """The stream is gone, for whatever reason. Called once."""
        ...
