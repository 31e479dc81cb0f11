"""Golden bills: each was reckoned by hand, in dollars, from a vendor's published way of counting."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.money import KINDS, LARGEST, NotMoney, Price, Tier, Usage, cost, dollars, nanos, tier_of


def price(input: str, output: str, **others: "str | Price | int") -> Price:
    """Dollars a million tokens."""
    kinds = {kind: nanos(rate) if isinstance(rate, str) else rate for kind, rate in others.items()}
    return Price(nanos(input), nanos(output), **kinds)  # type: ignore[arg-type]


GPT = price(
    "2.5",
    "10",
    cached_input="1.25",
    batch=price("1.25", "5", cached_input="0.625"),
    flex=price("1.25", "5", cached_input="0.625"),
    priority=price("4.25", "17", cached_input="2.125"),
)
CLAUDE = price(
    "3",
    "15",
    cached_input="0.3",
    cache_write="3.75",
    cache_write_1h="6",
    batch=price("1.5", "7.5", cached_input="0.15", cache_write="1.875", cache_write_1h="3"),
    above=200_000,
    long=price("6", "22.5", cached_input="0.6", cache_write="7.5", cache_write_1h="12"),
)
GEMINI = price(
    "1.25",
    "10",
    cached_input="0.125",
    above=200_000,
    long=price("2.5", "15", cached_input="0.25"),
    batch=price("0.625", "5", above=200_000, long=price("1.25", "7.5")),
)
FLASH = price("0.3", "2.5", cached_input="0.03", audio_input="1", cached_audio="0.1", image_output="30")
VOICE = price("2.5", "10", audio_input="40", audio_output="80")
IMAGE = price("5", "10", cached_input="1.25", image_input="8", image_output="32")
TWICE_LONG = price("1", "1", above=128_000, long=price("2", "2", above=256_000, long=price("3", "3")))

BILLS = [
    # 1024 of 2006 are cached: 982 × 2.5 + 1024 × 1.25 + 300 × 10
    ("cached", GPT, Usage(2006, 300, cached_input=1024), "0.006735"),
    ("reasoning is output", GPT, Usage(100, 5000, reasoning=4800), "0.05025"),
    ("batch", GPT, Usage(2006, 300, cached_input=1024, tier="batch"), "0.0033675"),
    ("flex", GPT, Usage(2006, 300, cached_input=1024, tier="flex"), "0.0033675"),
    ("priority", GPT, Usage(1000, 100, tier="priority"), "0.00595"),
    ("a tier without a price of its own", CLAUDE, Usage(1000, 100, tier="priority"), "0.0045"),
    # 50 fresh × 3 + 10000 read × 0.3 + 2000 for 5 minutes × 3.75 + 4000 for an hour × 6 + 800 × 15
    ("cache", CLAUDE, Usage(16_050, 800, cached_input=10_000, cache_write=2000, cache_write_1h=4000), "0.04665"),
    (
        "cache in a batch",
        CLAUDE,
        Usage(16_050, 800, cached_input=10_000, cache_write=2000, cache_write_1h=4000, tier="batch"),
        "0.023325",
    ),
    # above 200 000 all of it: 50 × 6 + 200 000 × 0.6 + 1000 × 7.5 + 100 × 22.5
    ("long by its cached part", CLAUDE, Usage(201_050, 100, cached_input=200_000, cache_write=1000), "0.13005"),
    ("at the limit it is not long", GEMINI, Usage(200_000, 1000), "0.26"),
    ("one above it all is", GEMINI, Usage(200_001, 1000), "0.5150025"),
    ("long in a batch", GEMINI, Usage(300_000, 2000, tier="batch"), "0.39"),
    ("long and cached", GEMINI, Usage(400_000, 0, cached_input=100_000), "0.775"),
    ("two limits", TWICE_LONG, Usage(256_001, 0), "0.768003"),
    ("between two limits", TWICE_LONG, Usage(256_000, 0), "0.512"),
    # 200 text × 2.5 + 800 heard × 40 + 50 text × 10 + 450 spoken × 80
    ("audio", VOICE, Usage(1000, 500, audio_input=800, audio_output=450), "0.069"),
    ("audio without a price of its own", GPT, Usage(1000, 500, audio_input=800, audio_output=450), "0.0075"),
    # 100 text × 0.3 + 500 heard × 1 + 300 cached text × 0.03 + 100 cached heard × 0.1
    ("cached audio", FLASH, Usage(1000, 0, cached_input=400, audio_input=600, cached_audio=100), "0.000549"),
    ("a picture that was made", FLASH, Usage(10, 1300, image_output=1290), "0.038728"),
    ("pictures", IMAGE, Usage(1000, 1056, image_input=900, image_output=1056), "0.041492"),
    # 100 cached × 2.5 + 10 spoken × 80: no more tokens than there are
    (
        "a kind told twice costs once",
        VOICE,
        Usage(100, 10, cached_input=100, audio_input=100, audio_output=90),
        "0.00105",
    ),
    (
        "an hour without a price of its own",
        price("1", "1", cache_write="2"),
        Usage(10, 0, cache_write_1h=10),
        "0.00002",
    ),
    ("nothing", CLAUDE, Usage(), "0"),
    ("free", price("0", "0"), Usage(10**6, 10**6), "0"),
    ("less than a nano-dollar rounds", price("0.0001", "0"), Usage(5), "0.000000001"),
    ("less than half a nano-dollar is none", price("0.0001", "0"), Usage(4), "0"),
    ("one rounding for all of it", price("0.0001", "0.0001"), Usage(3, 2), "0.000000001"),
    ("a fraction of a cent a million", price("0.0375", "0.15"), Usage(1, 1), "0.000000188"),
    ("huge", price("150", "600"), Usage(10**15, 10**15), "750000000000"),
]


@pytest.mark.parametrize(("price", "usage", "bill"), [bill[1:] for bill in BILLS], ids=[bill[0] for bill in BILLS])
def test_a_bill(price: Price, usage: Usage, bill: str) -> None:
    assert dollars(cost(usage, price)) == bill


@given(st.builds(Usage, *[st.integers(0, 10**7)] * 5), st.integers(0, 10**12), st.integers(0, 10**12))
def test_the_kinds_of_input_are_paid_by_their_own_price_each(usage: Usage, input: int, output: int) -> None:
    """By fractions, and for a price that is one for all kinds."""
    read = max(usage.input, usage.cached_input + usage.cache_write)
    exact = Decimal(read * input + usage.output * output) / 10**6
    assert abs(cost(usage, Price(input, output)) - exact) <= Decimal("0.5")


WHOLE = st.integers(0, LARGEST - 1)
KIND_COUNTS = st.fixed_dictionaries({}, optional=dict.fromkeys(KINDS, WHOLE))
TIERS: list[Tier] = ["standard", "batch", "flex", "priority"]


@given(KIND_COUNTS, st.booleans(), st.sampled_from(TIERS))
def test_usage_travels_as_numbers(counts: dict[str, int], estimated: bool, tier: Tier) -> None:
    """Through doubles, as those of Envoy's metadata are."""
    usage = Usage(**counts, estimated=estimated, tier=tier)  # type: ignore[arg-type]
    assert Usage.from_numbers({name: float(number) for name, number in usage.as_numbers().items()}) == usage
    assert 0 not in usage.as_numbers().values()


@pytest.mark.parametrize("junk", [None, "7", -1, 1e300, float("nan"), float("inf"), [], {}])
def test_what_is_no_number_counts_as_zero(junk: object) -> None:
    assert Usage.from_numbers(dict.fromkeys([*KINDS, "tier", "estimated", "other"], junk)) == Usage()


def test_a_tier_that_nobody_knows_is_the_standard() -> None:
    assert Usage.from_numbers({"tier": 9.0}).tier == "standard"
    assert [tier_of(word) for word in ("batch", "default", "auto", None, 7, "priority")] == [
        "batch",
        "standard",
        "standard",
        "standard",
        "standard",
        "priority",
    ]


@pytest.mark.parametrize(
    ("written", "amount"), [("0.0375", 37_500_000), (0.1, 100_000_000), (3, 3 * 10**9), ("1e-9", 1), ("0", 0)]
)
def test_dollars_are_read_as_they_are_written(written: str | float, amount: int) -> None:
    assert nanos(written) == amount


@pytest.mark.parametrize("written", ["", "free", "-1", "nan", "inf", -0.5])
def test_what_is_no_amount_is_refused(written: str | float) -> None:
    with pytest.raises(NotMoney):
        nanos(written)
