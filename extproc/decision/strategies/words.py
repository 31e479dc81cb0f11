"""Numbers as reasons print them: three significant digits, never an exponent, ASCII because they go into headers."""

from decimal import Decimal
from functools import lru_cache

from extproc.money import dollars


def number(value: float) -> str:
    text = f"{value:.3g}"
    return text if "e" not in text else f"{Decimal(text):f}"


def price(amount: float) -> str:
    """Nano-dollars as `$0.00284`."""
    return _price(f"{amount:.3g}")


@lru_cache(maxsize=4096)
def _price(rounded: str) -> str:
    """Three digits have few values, and a decision names one for each candidate."""
    return f"${dollars(int(float(rounded)))}"


def seconds(value: float) -> str:
    return f"{number(value)} s"


def percent(share: float) -> str:
    return f"{number(100 * share)} %"
