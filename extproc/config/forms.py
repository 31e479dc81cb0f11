"""The written forms of single values: durations `500ms 5s 1m 2h`, sizes `64KiB 32MiB 1GiB`, dollars, shares, numbers.

Law: each takes what YAML gives and returns the plain value, or raises ValueError with the operator's words.
"""

import re

from extproc.config.scalars import Substituted
from extproc.money import NotMoney, nanos

HTTP_TOKEN = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")  # a method, or a header's name
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$")
_SECONDS = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST = 365 * 86400.0  # Envoy refuses far longer ones, and nobody means them
_PERCENT = re.compile(r"^(\d+(?:\.\d+)?)\s*(%)?$")
_SIZE = re.compile(r"^(\d+)\s*(B|KiB|MiB|GiB|KB|MB|GB)?$")
_BYTES = {None: 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def parse_duration(value: object) -> float:
    found = _DURATION.match(str(value).strip()) if not isinstance(value, bool) else None
    if found is None:
        raise ValueError("must be a duration: 500ms, 5s, 1m or 2h")
    seconds = float(found[1]) * _SECONDS[found[2]]
    if seconds > _LONGEST:
        raise ValueError("must be a duration of at most 365d")
    return seconds


def parse_size(value: object) -> int:
    found = _SIZE.match(str(value).strip()) if not isinstance(value, bool) else None
    if found is None:
        raise ValueError("must be a size: 64KiB, 32MiB or 1GiB")
    return int(found[1]) * _BYTES[found[2]]


def parse_flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, Substituted) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError("must be true or false")


def parse_count(value: object) -> object:
    """A whole number; what else it must hold, the schema says."""
    if isinstance(value, bool):
        raise ValueError("must be a whole number")
    return value


def parse_amount(value: object) -> str:
    """Dollars, kept as they were written."""
    text = "" if isinstance(value, bool) or value is None else str(value).strip()
    try:
        nanos(text)
    except NotMoney:
        raise ValueError("must be an amount of dollars, zero or more") from None
    return text


def parse_number(value: object) -> object:
    """A number, and no longer one that remembers how it was written; what else it must hold, the schema says."""
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return float(value) if isinstance(value, (int, float)) else value


def parse_share(value: object) -> float:
    """A part of the whole: `10%` or `0.1`."""
    found = _PERCENT.match(str(value).strip()) if not isinstance(value, bool) else None
    share = float(found[1]) / (100.0 if found[2] else 1.0) if found else 0.0
    if not 0 < share <= 1:
        raise ValueError("must be a share: 10% or 0.1, more than nothing and at most 100%")
    return share


def parse_percent(value: object) -> float:
    """Percent, with or without its sign."""
    found = _PERCENT.match(str(value).strip()) if not isinstance(value, bool) else None
    percent = float(found[1]) if found else 101.0
    if percent > 100:
        raise ValueError("must be percent: between 0 and 100")
    return percent
