"""The price of nothing but text is what the whole reckoning says of it."""

from hypothesis import given
from hypothesis import strategies as st

from extproc.money import Price, Usage, cost, cost_of_text

RATES = st.integers(0, 2**40)
PLAIN = st.builds(Price, RATES, RATES, st.none() | RATES)
PRICES = st.builds(
    Price, RATES, RATES, st.none() | RATES, above=st.none() | st.integers(0, 300), long=st.none() | PLAIN, batch=PLAIN
)


@given(PRICES, st.integers(0, 2**30) | st.integers(0, 400), st.integers(0, 2**30), st.floats(0, 1))
def test_text_costs_what_its_usage_costs(price: Price, tokens: int, written: int, share: float) -> None:
    cached = round(tokens * share)
    whole = cost(Usage(input=tokens, output=written, cached_input=cached), price)
    assert cost_of_text(price, tokens, written, cached) == whole
