"""Success criteria of a canary, as they are written: `<1%`, `<2s`, `>0.8`.

Law: each has one direction, and a limit that something can keep to.
"""

import re

from extproc.config.forms import parse_duration, parse_share

_BOUND = re.compile(r"^\s*(?P<sign>[<>])\s*(?P<limit>[0-9].*?)\s*$")


def parse_error_rate(value: object) -> float:
    try:
        share = parse_share(_limit(value, "<"))
        if share == 1:  # everything keeps to it; 1 was probably meant as percent
            raise ValueError
    except ValueError:
        raise ValueError('must be written in quotes as "<1%" or "<0.01"') from None
    return share


def parse_latency(value: object) -> float:
    try:
        seconds = parse_duration(_limit(value, "<"))
        if seconds <= 0:  # nothing is faster
            raise ValueError
    except ValueError:
        raise ValueError('must be written in quotes as "<2s" or "<500ms"') from None
    return seconds


def parse_cost_efficiency(value: object) -> float:
    try:
        return float(_number(_limit(value, ">")))
    except ValueError:
        raise ValueError('must be written in quotes as ">0.8"') from None


def _limit(value: object, sign: str) -> str:
    found = _BOUND.match(value) if isinstance(value, str) else None
    if found is None or found["sign"] != sign:
        raise ValueError
    return found["limit"]


def _number(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", text):
        raise ValueError
    return text
