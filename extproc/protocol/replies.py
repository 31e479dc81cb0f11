"""What we tell Envoy: replies as frozen values free of protobuf. `wire` knows how they are written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from extproc.protocol.events import Direction, Value

BodyMode = Literal["NONE", "STREAMED", "BUFFERED", "BUFFERED_PARTIAL"]
LARGEST_BUFFERED: Final = 32 * 1024 * 1024  # bytes of an answer that Envoy holds for us, at the least
Metadata = Mapping[str, Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class HeaderEdit:
    """Removals happen first, then `set` overwrites, then `append` adds another line of the name."""

    set: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()
    append: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.set or self.remove or self.append)


@dataclass(frozen=True, slots=True)
class Modes:
    """A mode override: always written whole, because an unset body mode means NONE, not «no change»."""

    response_headers: bool
    request_body: BodyMode
    response_body: BodyMode


@dataclass(frozen=True, slots=True)
class HeadersReply:
    direction: Direction
    edit: HeaderEdit = HeaderEdit()
    clear_route: bool = False
    metadata: Metadata = field(default_factory=dict)
    modes: Modes | None = None


@dataclass(frozen=True, slots=True)
class BodyReply:
    """`body` None leaves the bytes as they are; b"" drops them."""

    direction: Direction
    body: bytes | None = None
    edit: HeaderEdit = HeaderEdit()
    clear_route: bool = False
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrailersReply:
    direction: Direction
    edit: HeaderEdit = HeaderEdit()


@dataclass(frozen=True, slots=True)
class ImmediateReply:
    """Ends the exchange with our own answer. `details` reaches the access log."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    details: str
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MoreTime:
    """No answer yet: Envoy waits this much longer for the one to its last message. Once for each message."""

    seconds: float


Reply = HeadersReply | BodyReply | TrailersReply | ImmediateReply | MoreTime


@dataclass(frozen=True, slots=True)
class Turn:
    """What one message got: at most one reply, and whether we end the stream after it."""

    reply: Reply | None
    done: bool = False
