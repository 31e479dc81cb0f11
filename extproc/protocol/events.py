"""What Envoy tells us: the six messages of a conversation, as frozen values free of protobuf."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["request", "response"]
Value = Any  # what a protobuf Struct holds: None, bool, float, str, list, dict


class Headers:
    """One header block: names in lower case, values as bytes, in the order they came. Lookups give text."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: tuple[tuple[str, bytes], ...] = ()) -> None:
        self.pairs = pairs

    def get(self, name: str) -> str | None:
        """The first value of that name; bytes that are not UTF-8 come as Latin-1, which is what HTTP says they are."""
        for key, value in self.pairs:
            if key == name:
                return _text(value)
        return None

    def joined(self, name: str) -> str:
        """Of a header that is a list: all of its lines as one."""
        return ", ".join(_text(value) for key, value in self.pairs if key == name)

    def firsts(self) -> dict[str, str]:
        """The first value of each name, as text."""
        return {name: self.get(name) or "" for name in self.names()}

    def names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.pairs == other.pairs

    def __hash__(self) -> int:
        return hash(self.pairs)

    def __repr__(self) -> str:  # values may be secrets
        return f"Headers({', '.join(name for name, _ in self.pairs)})"


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


@dataclass(frozen=True, slots=True)
class Context:
    """What comes along with a message: attributes and the metadata that Envoy forwards."""

    attributes: Mapping[str, Value] = field(default_factory=dict)
    metadata: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeadersEvent:
    direction: Direction
    headers: Headers
    end_of_stream: bool
    context: Context = Context()


@dataclass(frozen=True, slots=True)
class BodyEvent:
    direction: Direction
    data: bytes
    end_of_stream: bool
    context: Context = Context()


@dataclass(frozen=True, slots=True)
class TrailersEvent:
    direction: Direction
    trailers: Headers
    context: Context = Context()


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """A message of a kind we do not know: a newer Envoy, or garbage. Never answered with a guess."""

    what: str


Event = HeadersEvent | BodyEvent | TrailersEvent | UnknownEvent


@dataclass(frozen=True, slots=True)
class Opening:
    """What only the first message of a conversation says."""

    observability: bool = False
    request_body_mode: str = "NONE"
    response_body_mode: str = "NONE"
