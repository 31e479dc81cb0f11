"""What a translation pair is: the contract that every `caller_provider.py` of this room keeps."""

from dataclasses import dataclass, field
from typing import Protocol

from extproc.money import Usage
from extproc.refusal import Refusal
from extproc.snapshot import Provider

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """The caller's request, as it came: the same for every attempt."""

    endpoint: str  # a name of dialects.endpoints
    method: str = "POST"
    path: str = ""  # without the query
    query: str = ""  # without the question mark
    content_type: str = ""
    body: bytes | None = None  # None: not read (multipart, uploads, or nothing in it has to change)
    stream: bool = False
    body_model: str | None = None
    own_fields: tuple[str, ...] = ()
    ask_usage: bool = False  # the provider must be asked for usage in the stream, though the caller did not


@dataclass(frozen=True, slots=True)
class TranslatedRequest:
    method: str
    path: str  # with the query
    headers: Headers  # what the dialect adds; credentials, host and content-length are not its business
    body: bytes | None  # None: the caller's bytes pass as they are
    losses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of a provider, or one to be given to the caller."""

    status: int
    headers: Headers
    body: bytes
    usage: Usage | None = None
    losses: tuple[str, ...] = field(default=())


class AnswerStream(Protocol):
    """Incremental: any split of the provider's bytes gives the same caller's bytes in the end."""

    usage: Usage | None

    def feed(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes:
        """The provider ended cleanly: what is still to say, the terminal event included."""
        ...


class Pair(Protocol):
    def needs_body(self, call: Call, provider: Provider, upstream_model: str) -> bool:
        """Whether the request's bytes must change for this target; decided before the body is read."""
        ...

    def request(self, call: Call, provider: Provider, upstream_model: str) -> TranslatedRequest | Refusal: ...

    def answer(self, call: Call, answer: Answer) -> Answer: ...

    def stream(self, call: Call) -> AnswerStream: ...
