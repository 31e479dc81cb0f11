"""When each piece of an answer leaves, at a given speed.

Law: time is computed here and slept elsewhere.
"""

from collections.abc import Iterable

from extproc.demo.catalog import Speed
from extproc.demo.reply import Plain, Reply, Step, Streamed

Paced = tuple[int, bytes]  # how many tokens the piece holds, and the piece


def streamed(pieces: Iterable[Paced], speed: Speed) -> Reply:
    """The headers wait for the first token, as they do at real providers."""
    steps = (Step(speed.seconds_for(tokens), data) for tokens, data in pieces)
    return Streamed(steps, delay=speed.first_token_seconds)


def whole(body: bytes, tokens: int, speed: Speed) -> Reply:
    return Plain(body, delay=speed.first_token_seconds + speed.seconds_for(tokens))
