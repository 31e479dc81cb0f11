"""Numbers as reasons print them: three significant digits, never an exponent, ASCII because they go into headers."""

from decimal import Decimal

from extproc.money import dollars


def number(value: float) -> str:
    text = f"{value:.3g}"
    return text if "e" not in text else f"{Decimal(text):f}"


def price(amount: float) -> str:
    """Nano-dollars as `$0.00284`."""
    return f"${dollars(int(float(f'{amount:.3g}')))}"


def seconds(value: float) -> str:
    return f"{number(value)} s"


def percent(share: float) -> str:
    return f"{number(100 * share)} %"
