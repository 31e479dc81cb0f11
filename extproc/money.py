"""Money: integers only, nano-dollars.

Law: no float ever holds money. A price is nano-dollars for a million tokens (so that 0.0375 $/M is exact);
a cost is whole nano-dollars, rounded half up once, after everything of one exchange has been added.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final, Literal

NANO = 1_000_000_000
MILLION = 1_000_000
LARGEST: Final = 2**53  # what a count of tokens stays under: beyond it a double is no whole number any more


class NotMoney(ValueError):
    """The text cannot be read as an amount of dollars."""


def nanos(dollars: str | int | float | Decimal) -> int:
    """Dollars, as somebody wrote them, in nano-dollars. `repr` of a float is what was written, so 0.1 stays 0.1."""
    try:
        amount = Decimal(dollars if isinstance(dollars, (str, int, Decimal)) else repr(dollars))
    except InvalidOperation:
        raise NotMoney(f"{dollars!r} is not an amount of dollars") from None
    if not amount.is_finite() or amount < 0:
        raise NotMoney(f"{dollars!r} is not an amount of dollars: it must be zero or more")
    return int((amount * NANO).to_integral_value(ROUND_HALF_UP))


def dollars(amount: int) -> str:
    """Nano-dollars as a plain decimal text of dollars: `0.000105`, never an exponent."""
    text = f"{Decimal(amount).scaleb(-9):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


Tier = Literal["standard", "batch", "flex", "priority"]
TIERS: Final[tuple[Tier, ...]] = ("standard", "batch", "flex", "priority")  # a record tells one by its place here


def tier_of(word: object) -> Tier:
    """A provider's `service_tier`. What costs the same has other names too: default, auto, scale, on_demand."""
    return next((tier for tier in TIERS if tier == word), "standard")


@dataclass(frozen=True, slots=True)
class Price:
    """Nano-dollars for a million tokens of each kind; None where the kind costs what its parent costs.

    No vendor prices reasoning apart from output. A nested price stands for itself: nothing of this one shines through.
    """

    input: int
    output: int
    cached_input: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None  # its parent is cache_write
    audio_input: int | None = None
    audio_output: int | None = None
    cached_audio: int | None = None  # its parent is cached_input
    image_input: int | None = None
    image_output: int | None = None
    above: int | None = None  # with more tokens of input than these the whole exchange costs what `long` says
    long: "Price | None" = None
    batch: "Price | None" = None
    flex: "Price | None" = None
    priority: "Price | None" = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one exchange.

    `input` includes all that was read: `cached_input`, `cache_write` (kept five minutes, or as long as the vendor
    does where nothing is said), `cache_write_1h`, `audio_input` and `image_input`. The first three are apart from each
    other. `cached_audio` is what `cached_input` and `audio_input` share. `output` includes all that was written:
    `reasoning`, `audio_output` and `image_output`.
    """

    input: int = 0
    output: int = 0
    cached_input: int = 0
    cache_write: int = 0
    reasoning: int = 0
    estimated: bool = False  # nobody counted: input and output are guesses of ours
    cache_write_1h: int = 0
    audio_input: int = 0
    audio_output: int = 0
    cached_audio: int = 0
    image_input: int = 0
    image_output: int = 0
    tier: Tier = "standard"

    def counts(self) -> dict[str, int]:
        """Tokens of each kind that there are any of."""
        return {kind: tokens for kind in KINDS if (tokens := getattr(self, kind))}

    def as_numbers(self) -> dict[str, int]:
        """For a record that holds numbers only; what is not there is zero."""
        marks = {"estimated": int(self.estimated), "tier": TIERS.index(self.tier)}
        return self.counts() | {name: mark for name, mark in marks.items() if mark}

    @classmethod
    def from_numbers(cls, told: Mapping[str, object]) -> "Usage":
        """What as_numbers told. A record may have passed through doubles, and other hands: nonsense counts as zero."""
        tier = _whole(told.get("tier"))
        return cls(
            **{kind: _whole(told.get(kind)) for kind in KINDS},
            estimated=bool(_whole(told.get("estimated"))),
            tier=TIERS[tier] if tier < len(TIERS) else "standard",
        )


KINDS: Final = tuple(field.name for field in fields(Usage) if field.name not in ("estimated", "tier"))


def _whole(number: object) -> int:
    return int(number) if isinstance(number, (int, float)) and 0 <= number < LARGEST else 0


def cost(usage: Usage, price: Price) -> int:
    """What the exchange costs, in nano-dollars."""
    rates = _rates(usage, price)
    total = _of_input(usage, rates) + _of_output(usage, rates)
    return (total + MILLION // 2) // MILLION


def cost_of_text(price: Price, tokens: int, written: int, cached: int = 0) -> int:
    """What `cost` says of nothing but text at the standard tier, for those who reckon it for many prices."""
    rates = _for_length(price, tokens)
    total = (tokens - cached) * rates.input + written * rates.output
    if cached:
        total += cached * _or(rates.cached_input, rates.input)
    return (total + MILLION // 2) // MILLION


def _rates(usage: Usage, price: Price) -> Price:
    """The one price that counts: of the tier, then of the length. What has no price of its own costs the standard."""
    tiers = {"batch": price.batch, "flex": price.flex, "priority": price.priority}
    return _for_length(tiers.get(usage.tier) or price, usage.input)


def _for_length(rates: Price, tokens: int) -> Price:
    while rates.above is not None and rates.long is not None and tokens > rates.above:
        rates = rates.long
    return rates


def _of_input(usage: Usage, rates: Price) -> int:
    cached_audio = min(usage.cached_audio, usage.cached_input)
    fresh = max(usage.input - usage.cached_input - usage.cache_write - usage.cache_write_1h, 0)
    audio = min(max(usage.audio_input - cached_audio, 0), fresh)  # a token costs once, whatever was told of it
    image = min(usage.image_input, fresh - audio)
    cached = _or(rates.cached_input, rates.input)
    written = _or(rates.cache_write, rates.input)
    return (
        (fresh - audio - image) * rates.input
        + audio * _or(rates.audio_input, rates.input)
        + image * _or(rates.image_input, rates.input)
        + (usage.cached_input - cached_audio) * cached
        + cached_audio * _or(rates.cached_audio, cached)
        + usage.cache_write * written
        + usage.cache_write_1h * _or(rates.cache_write_1h, written)
    )


def _of_output(usage: Usage, rates: Price) -> int:
    audio = min(usage.audio_output, usage.output)
    image = min(usage.image_output, usage.output - audio)
    return (
        (usage.output - audio - image) * rates.output
        + audio * _or(rates.audio_output, rates.output)
        + image * _or(rates.image_output, rates.output)
    )


def _or(rate: int | None, parent: int) -> int:
    return parent if rate is None else rate
