"""What a translation pair is: the contract that every `caller_provider` of this room keeps, a file or a folder.

Law: a pair is pure, holds nothing and never raises: what cannot be said is a Refusal, what an upstream garbled is one
too. The same call and destination give the same request, so the answer's side can always tell what was asked.
"""

from dataclasses import dataclass
from typing import Protocol

from extproc.dialects.model_families import Traits, traits_at
from extproc.dialects.openai.stamp import Stamp
from extproc.money import Usage
from extproc.refusal import Refusal
from extproc.snapshot import Model, Provider

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
    features: frozenset[str] = frozenset()  # of a chat: see features.asked_for
    usage_asked: bool = False  # the caller asked for usage in the stream
    ask_usage: bool = False  # the provider must be asked for usage in the stream, though the caller did not
    id: str = ""  # the exchange's
    created: int = 0  # when it came, in seconds since the epoch


@dataclass(frozen=True, slots=True)
class Destination:
    """One target, looked up: its provider, what the provider calls the model, and what is known of it."""

    provider: Provider
    model: str
    entry: Model | None = None

    @property
    def traits(self) -> Traits:
        return traits_at(self.provider.dialect, self.model, self.entry)


@dataclass(frozen=True, slots=True)
class TranslatedRequest:
    method: str
    path: str  # with the query
    headers: Headers  # what the dialect adds; credentials, host and content-length are not its business
    body: bytes | None  # None: the caller's bytes pass as they are
    losses: tuple[str, ...] = ()  # what the caller asked for and the target cannot be told, by the field's name


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of a provider below 400, or one to be given to the caller."""

    status: int
    headers: Headers
    body: bytes
    usage: Usage | None = None


class AnswerStream(Protocol):
    """Incremental: any split of the provider's bytes gives the same caller's bytes in the end."""

    usage: Usage | None
    failure: Refusal | None  # what the error event said, once one was written; nothing is written after it

    def feed(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes:
        """The provider ended cleanly: what is still to say, the terminal event included."""
        ...


class Pair(Protocol):
    def needs_body(self, call: Call, to: Destination) -> bool:
        """Whether the request's bytes must change for this target; decided before the body is read."""
        ...

    def request(self, call: Call, to: Destination) -> TranslatedRequest | Refusal: ...

    def reads_answer(self, call: Call, to: Destination) -> bool:
        """Whether good answers must be read or changed; where not, nothing of them comes to us."""
        ...

    def answer(self, call: Call, to: Destination, answer: Answer) -> Answer | Refusal: ...

    def stream(self, call: Call, to: Destination) -> AnswerStream: ...


class AlwaysTranslates:
    """Of a pair between two shapes that share nothing: requests and answers change, whatever stands in them."""

    def needs_body(self, call: Call, to: Destination) -> bool:
        return True

    def reads_answer(self, call: Call, to: Destination) -> bool:
        return True


def stamp_of(call: Call, model: str) -> Stamp:
    """What every answer of one exchange carries. Ids of answers look like OpenAI's: some clients rely on it."""
    return Stamp(f"chatcmpl-{call.id}", call.created, model)
