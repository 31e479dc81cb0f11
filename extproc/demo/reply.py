"""What a demo provider does with a request, as a value: a plain answer, a stream, or an offence against HTTP.

Law: a Reply holds everything that will happen, delays included; playing it needs no further decision.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec

Headers = tuple[tuple[str, str], ...]
JSON: Headers = (("content-type", "application/json"),)
SSE: Headers = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of a stream and how long to wait before it leaves."""

    delay: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Plain:
    body: bytes
    status: int = 200
    headers: Headers = JSON
    delay: float = 0.0
    cut: bool = False  # the whole length is promised, half of it is sent, then the connection goes


@dataclass(frozen=True, slots=True)
class Streamed:
    steps: Iterable[Step]
    headers: Headers = SSE
    delay: float = 0.0  # before the response headers
    cut: bool = False  # the connection goes after the last step, without the end of the body


class Offence(Enum):
    HANG = "hang"  # no answer, the connection stays
    RESET = "reset"  # the connection goes before any byte
    GARBAGE = "garbage"  # bytes that are no HTTP


Reply = Plain | Streamed | Offence


@dataclass(eq=False)  # not frozen: Python itself writes the traceback into what is raised
class Problem(Exception):
    """A request that cannot be served. `errors` says it in a dialect; `type`, `code` and `param` are OpenAI's."""

    status: int
    message: str
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    headers: Headers = field(default=())


def encode(value: Any) -> bytes:
    return msgspec.json.encode(value)


def data_event(value: Any) -> bytes:
    """An SSE event as chat and completions send them."""
    return b"data: " + encode(value) + b"\n\n"


def named_event(value: dict[str, Any]) -> bytes:
    """An SSE event as Responses and Messages send them: the type is said twice."""
    return b"event: " + str(value["type"]).encode() + b"\n" + data_event(value)


DONE = b"data: [DONE]\n\n"
