"""Money: integers only, nano-dollars.

Law: no float ever holds money. A price is nano-dollars for a million tokens (so that 0.0375 $/M is exact);
a cost is whole nano-dollars, rounded half up once, after everything of one exchange has been added.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

NANO = 1_000_000_000
MILLION = 1_000_000


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


@dataclass(frozen=True, slots=True)
class Price:
    """Nano-dollars for a million tokens of each kind; None where the kind costs what its parent costs."""

    input: int
    output: int
    cached_input: int | None = None
    cache_write: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one exchange. `input` includes `cached_input` and `cache_write`; `output` includes `reasoning`."""

    input: int = 0
    output: int = 0
    cached_input: int = 0
    cache_write: int = 0
    reasoning: int = 0
    estimated: bool = False


def cost(usage: Usage, price: Price) -> int:
    """What the exchange costs, in nano-dollars."""
    fresh = max(usage.input - usage.cached_input - usage.cache_write, 0)
    cached = price.input if price.cached_input is None else price.cached_input
    written = price.input if price.cache_write is None else price.cache_write
    total = (
        fresh * price.input + usage.cached_input * cached + usage.cache_write * written + usage.output * price.output
    )
    return (total + MILLION // 2) // MILLION
