"""Chat requests that are wrong on purpose: every field with every wrong kind of value, and bodies that are no JSON.

Law: seeded, so that a failure comes again; the first ones are the classics, the rest are drawn.
"""

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.translation.requests import REQUESTS

LONE_SURROGATE = b'{"model": "m", "messages": [{"role": "user", "content": "\\ud800 \\udc00\\ud800"}]}'
DEEPEST = 3000
CLASSICS: list[bytes] = [
    b"",
    b" ",
    b"null",
    b"true",
    b"3",
    b'"text"',
    b"[]",
    b"{}",
    b'{"model": "m"}',
    b'{"model": "m", "messages": []}',
    b'{"model": "m", "messages": null}',
    b'{"model": "m", "messages": [null]}',
    b'{"model": "m", "messages": [[]]}',
    b'{"model": "m", "messages": {"role": "user"}}',
    b'\xef\xbb\xbf{"model": "m", "messages": [{"role": "user", "content": "BOM"}]}',
    b'{"model": "m", "messages": [{"role": "user", "content": "\xff\xfe"}]}',
    b'{"model": "m", "messages": [{"role": "user", "content": "\x00"}]}',
    LONE_SURROGATE,
    b'{"model": "m", "temperature": NaN, "messages": [{"role": "user", "content": "x"}]}',
    b'{"model": "m", "temperature": -Infinity, "messages": [{"role": "user", "content": "x"}]}',
    b'{"model": "m", "max_tokens": 1e400, "messages": [{"role": "user", "content": "x"}]}',
    b'{"model": "m", "max_tokens": ' + b"9" * 400 + b', "messages": [{"role": "user", "content": "x"}]}',
    b'{"model": "m", "seed": -' + b"9" * 30 + b', "messages": [{"role": "user", "content": "x"}]}',
    b'{"model": "m", "messages": [{"role": "user", "content": "a"}], "messages": 3}',
    b'{"model": "m", "messages": 3, "messages": [{"role": "user", "content": "a", "role": "system"}]}',
    b'{"model": "m", "messages": [{"role": "user", "content": "x"}],}',
    b"{'model': 'm'}",
    b'{"model": "m", "messages": ' + b"[" * DEEPEST + b"]" * DEEPEST + b"}",
    b'{"model": "m", "tools": ' + b'{"a":' * DEEPEST + b"1" + b"}" * DEEPEST + b', "messages": []}',
    b'{"model": "m", "messages": [{"role": "user", "content": ' + b"[" * DEEPEST,
]
WRONG: list[Any] = [
    None,
    True,
    -1,
    0,
    1.5,
    10**30,
    1e308,
    "",
    " ",
    "x",
    "\ud800",
    "\x00",
    "x" * 3000,
    [],
    {},
    [None],
    [[]],
    [{}],
    {"": ""},
    {"type": "x"},
    {"type": None},
    [{"type": "text"}],
    [{"type": "text", "text": 3}],
]


def bodies(count: int, model: str, seed: int = 17) -> Iterator[bytes]:
    """That many, all different."""
    dice = Random(seed)
    classics = [body.replace(b'"m"', json.dumps(model).encode()) for body in CLASSICS]
    yield from classics
    seen = set(classics)
    while len(seen) < count:
        body = _drawn(dice, model)
        if body not in seen:
            seen.add(body)
            yield body


def _drawn(dice: Random, model: str) -> bytes:
    name = dice.choice(sorted(REQUESTS))
    whole = {"model": model, **json.loads(json.dumps(REQUESTS[name]))}
    for _ in range(dice.choice([1, 1, 1, 2, 4])):
        spoil(dice, whole)
    body = json.dumps(whole).encode()
    if dice.random() < 0.1:
        return body[: dice.randrange(len(body))]
    if dice.random() < 0.05:
        place = dice.randrange(len(body))
        return body[:place] + dice.randbytes(3) + body[place + 1 :]
    return body


def spoil(dice: Random, value: Any) -> None:
    """Puts a wrong value somewhere into this object or list, or takes something out."""
    places = list(_places(value))
    if not places:
        return
    holder, key = dice.choice(places)
    if dice.random() < 0.15:
        del holder[key]
    elif dice.random() < 0.1 and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    else:
        holder[key] = copy.deepcopy(dice.choice(WRONG))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])
