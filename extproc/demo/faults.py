"""Faults on demand, named by the model that is asked for, and faults by temper, counted out for a flaky provider.

Law: a fault is chosen by name or by count, never by chance, so that a demo and a test see the same thing every time.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from extproc.demo.catalog import Endpoint
from extproc.demo.errors import DIALECT_OF, error_event, error_object
from extproc.demo.reply import Offence, Plain, Problem, Reply, Step, Streamed, encode

SLOW_SECONDS: Final = 2.0
RETRY_AFTER_SECONDS: Final = 7
STEPS_BEFORE_DAMAGE: Final = 4  # enough for a caller to have seen the stream begin
SECONDS_OF_FLAKY_REST: Final = 2

SERVER_ERROR: Final = Problem(500, "The demo provider failed, as asked.", "server_error", "demo_fault")
RATE_LIMITED: Final = Problem(
    429,
    "Rate limit reached for this demo provider, as asked.",
    "requests",
    "rate_limit_exceeded",
    headers=(("retry-after", str(RETRY_AFTER_SECONDS)),),
)
WRONG_KEY: Final = Problem(401, "Incorrect API key provided, as asked.", code="invalid_api_key")

# These need no answer to damage: they stand for it.
INSTEAD: Final[dict[str, Reply | Problem]] = {
    "fault-500": SERVER_ERROR,
    "fault-429": RATE_LIMITED,
    "fault-401": WRONG_KEY,
    "fault-hang": Offence.HANG,
    "fault-reset": Offence.RESET,
    "fault-garbage": Offence.GARBAGE,
    "fault-not-json": Plain(b'{"id": "chatcmpl-demo", "choices": [<html>'),
}
# These are an ordinary answer gone wrong.
DAMAGE: Final = (
    "fault-cut",  # the connection goes in the middle of the answer
    "fault-truncated",  # a stream ends cleanly, but before its terminal event
    "fault-error-event",  # 200, and the first event is an error
    "fault-late-error-event",  # 200, and after some text comes an error
    "fault-slow",  # nothing, not even headers, for two seconds
    "fault-slow-event",  # headers at once, the first event after two seconds
)
FAULT_MODELS: Final[tuple[str, ...]] = (*INSTEAD, *DAMAGE)

_FLAKY_TURNS: Final[tuple[Reply | Problem, ...]] = (
    SERVER_ERROR,
    dataclasses.replace(RATE_LIMITED, headers=(("retry-after", str(SECONDS_OF_FLAKY_REST)),)),
    Offence.RESET,
)


def flaky_turn(count: int, fails_every: int) -> Reply | Problem | None:
    """What happens to the `count`-th request (from 1) instead of an answer: 500, 429 and a hang-up take turns."""
    if not fails_every or (count - 1) % fails_every:
        return None
    return _FLAKY_TURNS[(count - 1) // fails_every % len(_FLAKY_TURNS)]


def damaged(fault: str, reply: Reply, endpoint: Endpoint) -> Reply:
    """`reply` as it comes out under `fault`, one of DAMAGE."""
    match reply:
        case Streamed():
            return _damaged_stream(fault, reply, endpoint)
        case Plain():
            return _damaged_plain(fault, reply, endpoint)
        case Offence():
            return reply


def _damaged_stream(fault: str, reply: Streamed, endpoint: Endpoint) -> Streamed:
    error = Step(0.0, error_event(SERVER_ERROR, endpoint))
    match fault:
        case "fault-cut":
            return dataclasses.replace(reply, steps=islice(reply.steps, STEPS_BEFORE_DAMAGE), cut=True)
        case "fault-truncated":
            return dataclasses.replace(reply, steps=islice(reply.steps, STEPS_BEFORE_DAMAGE))
        case "fault-error-event":
            return dataclasses.replace(reply, steps=(error,))
        case "fault-late-error-event":
            return dataclasses.replace(reply, steps=(*islice(reply.steps, STEPS_BEFORE_DAMAGE), error))
        case "fault-slow-event":
            return dataclasses.replace(reply, steps=_delayed(reply.steps))
        case _:
            return dataclasses.replace(reply, delay=SLOW_SECONDS)


def _damaged_plain(fault: str, reply: Plain, endpoint: Endpoint) -> Plain:
    match fault:
        case "fault-cut" | "fault-truncated":
            return dataclasses.replace(reply, cut=True)
        case "fault-error-event" | "fault-late-error-event":
            return Plain(encode(error_object(SERVER_ERROR, DIALECT_OF[endpoint])))
        case _:
            return dataclasses.replace(reply, delay=SLOW_SECONDS)


def _delayed(steps: Iterable[Step]) -> Iterator[Step]:
    extra = SLOW_SECONDS
    for step in steps:
        yield Step(step.delay + extra, step.data)
        extra = 0.0
