"""Rate-limit headers of providers, as they say them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.decision.quota import Quota
from extproc.outcome.rate_limits import HEADERS, Unit, quota

EPOCH = 1_795_254_880.0
OPENAI = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-limit-tokens": "150000",
    "x-ratelimit-remaining-tokens": "149984",
    "x-ratelimit-reset-tokens": "6m0s",
}
ANTHROPIC = {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-requests-reset": datetime.fromtimestamp(EPOCH + 12, UTC).isoformat().replace("+00:00", "Z"),
    "anthropic-ratelimit-input-tokens-limit": "40000",
    "anthropic-ratelimit-input-tokens-remaining": "39000",
}
MISTRAL = {
    "x-ratelimit-limit-req-minute": "720",
    "x-ratelimit-remaining-req-minute": "717",
    "x-ratelimit-limit-tokens-minute": "5000000",
    "x-ratelimit-remaining-tokens-minute": "4999911",
}
OPENROUTER = {
    "x-ratelimit-limit": "20",
    "x-ratelimit-remaining": "0",
    "x-ratelimit-reset": str(int((EPOCH + 30) * 1000)),
}
AZURE = {"x-ratelimit-remaining-requests": "119", "x-ratelimit-remaining-tokens": "119984"}
CASES: list[tuple[dict[str, str], Unit, Quota | None]] = [
    (OPENAI, "requests", Quota(59, 100.0, 60, 101.0)),
    (OPENAI, "tokens", Quota(149_984, 100.0, 150_000, 460.0)),
    (ANTHROPIC, "requests", Quota(49, 100.0, 50, 112.0)),
    (ANTHROPIC, "tokens", Quota(39_000, 100.0, 40_000)),
    (MISTRAL, "requests", Quota(717, 100.0, 720, 160.0)),
    (MISTRAL, "tokens", Quota(4_999_911, 100.0, 5_000_000, 160.0)),
    (OPENROUTER, "requests", Quota(0, 100.0, 20, 130.0)),
    (OPENROUTER, "tokens", None),
    (AZURE, "requests", Quota(119, 100.0)),
    ({}, "requests", None),
]


@pytest.mark.parametrize(("headers", "unit", "expected"), CASES)
def test_each_providers_own_headers(headers: dict[str, str], unit: Unit, expected: Quota | None) -> None:
    assert quota(headers, unit, 100.0, EPOCH) == expected
    assert set(headers) <= set(HEADERS), "what is not logged is never seen"


WAITS = {
    "6m0s": 360.0,
    "1s": 1.0,
    "20ms": 0.02,
    "7.66s": 7.66,
    "2m59.56s": 179.56,
    "1h2m3s": 3723.0,
    "1d": 86_400.0,
    "12": 12.0,
    "0": 0.0,
    "0.5": 0.5,
    str(EPOCH + 9): 9.0,
    str(EPOCH - 9): 0.0,
    "9999h": 86_400.0,
    "2999-01-01T00:00:00Z": 86_400.0,
    "1999-01-01T00:00:00": 0.0,
}


@pytest.mark.parametrize(("text", "wait"), WAITS.items())
def test_resets_in_all_their_forms(text: str, wait: float) -> None:
    said = quota({**OPENAI, "x-ratelimit-reset-requests": text}, "requests", 0.0, EPOCH)
    assert said is not None and said.resets_at == pytest.approx(wait, abs=1e-6)


@pytest.mark.parametrize("text", ["", "soon", "-5", "nan", "inf", "1e9", "5 s", "s", "²s", "1" * 50, "12x", "٣"])
def test_a_reset_that_is_no_time_is_unknown(text: str) -> None:
    said = quota({**OPENAI, "x-ratelimit-reset-requests": text}, "requests", 0.0, EPOCH)
    assert said is not None and said.resets_at is None


@pytest.mark.parametrize("text", ["", "NaN", "1e308", "-1", "inf", "many", "0x10", "1_0", "9" * 40, "٣", "1 2"])
def test_what_is_left_must_be_a_plain_number(text: str) -> None:
    assert quota({**OPENAI, "x-ratelimit-remaining-requests": text}, "requests", 0.0, EPOCH) is None
    said = quota({**OPENAI, "x-ratelimit-limit-requests": text}, "requests", 0.0, EPOCH)
    assert said is not None and said.limit is None


@given(st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=45)), st.sampled_from(["requests", "tokens"]))
def test_whatever_headers_say_a_quota_is_sane(headers: dict[str, str], unit: Unit) -> None:
    said = quota(headers, unit, 50.0, EPOCH)
    if said is not None:
        assert 0 <= said.left < 1e16 and (said.limit is None or 0 <= said.limit < 1e16)
        assert said.resets_at is None or 50.0 <= said.resets_at <= 50.0 + 86_400.0
