"""Handlers that the scripts talk to."""

import asyncio
from collections.abc import Callable

from extproc.protocol.events import BodyEvent, HeadersEvent, TrailersEvent
from extproc.protocol.replies import BodyReply, HeadersReply, Reply, TrailersReply, Turn

KnownEvent = HeadersEvent | BodyEvent | TrailersEvent


def go_on(event: KnownEvent) -> Reply:
    match event:
        case HeadersEvent():
            return HeadersReply(event.direction)
        case BodyEvent():
            return BodyReply(event.direction)
        case TrailersEvent():
            return TrailersReply(event.direction)


class Scripted:
    """Remembers what it saw, answers by a function, counts its ends."""

    def __init__(self, answer: Callable[[KnownEvent], Turn | Reply] = go_on) -> None:
        self._answer = answer
        self.seen: list[KnownEvent] = []
        self.ends = 0
        self.ended = asyncio.Event()

    async def on(self, event: KnownEvent) -> Turn:
        self.seen.append(event)
        answer = self._answer(event)
        return answer if isinstance(answer, Turn) else Turn(answer)

    def closed(self) -> None:
        self.ends += 1
        self.ended.set()


def echo(event: KnownEvent) -> Reply:
    """Says every body again, as its own."""
    if isinstance(event, BodyEvent):
        return BodyReply(event.direction, body=event.data)
    return go_on(event)
