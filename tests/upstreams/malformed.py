"""Answers that no provider should give: wrong in every field, cut, garbled, of another kind than they say.

Law: seeded, so that a failure comes again. Each says whether anything of it may still be read as a whole answer.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.translation.malformed import spoil
from tests.upstreams.bedrock import event, exception, frame
from tests.upstreams.formats import Format
from tests.upstreams.words import Said

HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
SAID = (
    Said("It rains in Łódź. 🌧️", (("forecast", {"city": "Łódź"}),), thought="They ask …"),
    Said("It is cut", cut=True),
    Said("", (("clock", {}), ("forecast", {"city": "B"}))),
)
CLASSIC_BODIES = (b"", b" ", b"null", b"[]", b"{}", b"3", b'"text"', HTML, b"\xff\xfe\x00", b'{"error": null}')
DEEP = b'{"a":' * 3000 + b"1" + b"}" * 3000


@dataclass(frozen=True, slots=True)
class Malformed:
    what: str
    body: bytes
    content_type: str
    streamed: bool
    incomplete: bool = False  # surely no whole answer: its end is missing, or it says itself that it failed


def answers(form: Format, count: int, seed: int = 17) -> Iterator[Malformed]:
    """That many, half of them streams."""
    dice = Random(seed)
    binary = "eventstream" in form.stream_type
    for body in (*CLASSIC_BODIES, DEEP):
        yield Malformed("a classic", body, form.type, streamed=False, incomplete=True)
        yield Malformed("a classic as a stream", body, form.stream_type, streamed=True, incomplete=True)
    yield Malformed("another kind", form.whole(SAID[0]), "text/html", streamed=False)
    yield Malformed("a stream that is called JSON", form.stream(SAID[0]), "application/json", streamed=True)
    yield Malformed("whole, where a stream was asked for", form.whole(SAID[0]), form.type, streamed=True)
    yield Malformed("a failing stream", form.failing_stream(SAID[0]), form.stream_type, streamed=True, incomplete=True)
    made = 2 * len(CLASSIC_BODIES) + 6
    ways = (_spoilt_whole, _cut_whole, _binary if binary else _spoilt_lines, _cut_stream, _torn)
    while made < count:
        yield ways[made % len(ways)](form, dice)
        made += 1


def _spoilt_whole(form: Format, dice: Random) -> Malformed:
    whole = json.loads(form.whole(dice.choice(SAID)))
    for _ in range(dice.choice([1, 1, 2, 4])):
        spoil(dice, whole)
    return Malformed("wrong fields", json.dumps(whole).encode(), form.type, streamed=False)


def _cut_whole(form: Format, dice: Random) -> Malformed:
    whole = form.whole(dice.choice(SAID))
    return Malformed("cut", whole[: dice.randrange(len(whole) - 1)], form.type, streamed=False, incomplete=True)


def _cut_stream(form: Format, dice: Random) -> Malformed:
    """Everything before the event that ends it."""
    body = form.stream(dice.choice(SAID))
    return Malformed("a cut stream", body[: dice.randrange(len(body) // 2)], form.stream_type, True, incomplete=True)


def _torn(form: Format, dice: Random) -> Malformed:
    """Some bytes are others."""
    body = bytearray(form.stream(dice.choice(SAID)))
    for _ in range(dice.choice([1, 3, 10])):
        body[dice.randrange(len(body))] = dice.randrange(256)
    return Malformed("torn bytes", bytes(body), form.stream_type, streamed=True)


def _spoilt_lines(form: Format, dice: Random) -> Malformed:
    """Fields of one event are wrong, or an event is missing, doubled or garbage."""
    lines = form.stream(dice.choice(SAID)).split(b"\n")
    places = [index for index, line in enumerate(lines) if b"{" in line]
    place = dice.choice(places)
    start = lines[place].index(b"{")
    parsed = json.loads(lines[place][start:])
    changes: list[Callable[[], Any]] = [
        lambda: spoil(dice, parsed),
        lambda: [spoil(dice, parsed) for _ in range(4)],
    ]
    if dice.random() < 0.7:
        dice.choice(changes)()
        lines[place] = lines[place][:start] + json.dumps(parsed).encode()
    elif dice.random() < 0.5:
        lines.insert(place, dice.choice([b"data: {broken", b"data: null", b"data: []", b"{", b"data: 3", b"event: x"]))
    else:
        lines[place] = lines[dice.choice(places)]
    return Malformed("a wrong event", b"\n".join(lines), form.stream_type, streamed=True)


def _binary(form: Format, dice: Random) -> Malformed:
    """Frames of the AWS kind: right outside and wrong inside, or wrong outside."""
    kinds = (
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
        "x",
    )
    payload: Any = {"contentBlockIndex": 0, "delta": {"text": "x"}, "start": {"toolUse": {"name": "f"}}, "usage": {}}
    spoil(dice, payload)
    headers = {":event-type": dice.choice(kinds), ":content-type": "application/json", ":message-type": "event"}
    wrong = frame(headers, json.dumps(payload).encode())
    choices = (
        wrong,
        exception(dice.choice(("", "modelStreamErrorException")), "no"),
        frame({}, b""),
        frame({":message-type": "event", ":event-type": "contentBlockDelta"}, dice.choice((b"", b"null", b"[", HTML))),
        frame({":message-type": "error", ":error-code": "500"}, b""),
        wrong[:-4] + b"\0\0\0\0",
        wrong[:9] + b"\0\0\0" + wrong[12:],
        b"\xff\xff\xff\xff" + wrong[4:],
        b"\0\0\0\x05" + wrong[4:],
    )
    began = event("messageStart", {"role": "assistant"}) if dice.random() < 0.7 else b""
    rest = form.stream(dice.choice(SAID)) if dice.random() < 0.5 else b""
    return Malformed("a wrong frame", began + dice.choice(choices) + rest, form.stream_type, streamed=True)
