"""Providers' rate-limit headers → what is left of each limit.

Law: what is no plain, sane number is not believed, and no header can keep a target's quota at nothing for longer than a
day. Each provider has its own names; the first of a list that is there counts, those that name no unit last.

  OpenAI, Azure, Groq  x-ratelimit-{limit,remaining,reset}-{requests,tokens}, reset as `6m0s`, `20ms`, or seconds
  Anthropic            anthropic-ratelimit-{requests,tokens,input-tokens}-{…}, reset in RFC 3339
  Mistral              x-ratelimit-{limit,remaining}-{req,tokens}-minute, without a reset: the minute is in the name
  OpenRouter           x-ratelimit-{limit,remaining,reset}, of requests, reset in milliseconds since the epoch
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal

from extproc.decision.quota import Quota

Unit = Literal["requests", "tokens"]
LONGEST_RESET: Final = 86_400.0  # seconds
MINUTE: Final = 60.0
EPOCH_SECONDS: Final = 1e9  # a bare number above this is a moment,
EPOCH_MILLISECONDS: Final = 1e12  # and one above this is one in milliseconds


@dataclass(frozen=True, slots=True)
class Names:
    """How one provider calls them."""

    left: str
    limit: str
    reset: str = ""  # "": it has none
    window: float | None = None  # seconds after which all is left again at the latest, where no reset is told


def _openai(unit: str) -> Names:
    return Names(f"x-ratelimit-remaining-{unit}", f"x-ratelimit-limit-{unit}", f"x-ratelimit-reset-{unit}")


def _anthropic(unit: str) -> Names:
    begin = f"anthropic-ratelimit-{unit}"
    return Names(f"{begin}-remaining", f"{begin}-limit", f"{begin}-reset")


def _mistral(unit: str) -> Names:
    return Names(f"x-ratelimit-remaining-{unit}-minute", f"x-ratelimit-limit-{unit}-minute", window=MINUTE)


NAMES: Final[Mapping[Unit, tuple[Names, ...]]] = {
    "requests": (
        _openai("requests"),
        _anthropic("requests"),
        _mistral("req"),
        Names("x-ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-reset"),
    ),
    "tokens": (_openai("tokens"), _anthropic("tokens"), _anthropic("input-tokens"), _mistral("tokens")),
}
HEADERS: Final = tuple(
    name for of_unit in NAMES.values() for names in of_unit for name in (names.left, names.limit, names.reset) if name
)
_NUMBER: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{0,12})?")
_DURATION: Final = re.compile(
    r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,7}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?"
)
_IN_SECONDS: Final = (86_400.0, 3600.0, 60.0, 1.0, 0.001)


def quota(headers: Mapping[str, str], unit: Unit, said_at: float, said_epoch: float) -> Quota | None:
    """What the headers say of one limit. They were said at `said_at` on our clock, which was `said_epoch` for all."""
    for names in NAMES[unit]:
        left = number_of(headers.get(names.left))
        if left is not None:
            wait = _reset(headers.get(names.reset, ""), said_epoch) if names.reset else None
            wait = names.window if wait is None else wait
            limit = number_of(headers.get(names.limit))
            return Quota(left, said_at, limit, said_at + wait if wait is not None else None)
    return None


def number_of(text: str | None) -> float | None:
    """A header's plain number; None for what is none, or is longer than any."""
    if not text:
        return None
    text = text.strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def _reset(text: str, said_epoch: float) -> float | None:
    """Seconds from when it was said."""
    text = text.strip()
    number = number_of(text)
    if number is not None:
        moment = number / 1000 if number > EPOCH_MILLISECONDS else number
        wait: float | None = moment - said_epoch if number > EPOCH_SECONDS else number
    else:
        wait = _duration(text)
        wait = _moment(text, said_epoch) if wait is None else wait
    return None if wait is None else min(max(wait, 0.0), LONGEST_RESET)


@lru_cache(maxsize=256)
def _duration(text: str) -> float | None:
    """`6m0s`, `1h2m`, `20ms`, `7.66s`."""
    found = _DURATION.fullmatch(text) if text else None
    if found is None:
        return None
    return sum(float(part) * unit for part, unit in zip(found.groups(), _IN_SECONDS, strict=True) if part)


def _moment(text: str, said_epoch: float) -> float | None:
    if len(text) > 40:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - said_epoch
    except (ValueError, OverflowError):
        return None
