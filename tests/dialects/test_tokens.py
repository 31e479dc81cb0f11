"""Tokens of texts: exact where the vocabulary is known, near elsewhere, in bounded time everywhere."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.dialects import tokens
from extproc.dialects.token_estimate import estimate
from extproc.dialects.tokens import CL100K, O200K, Counter, family_of, vocabulary
from tests.dialects.token_samples import ENGLISH, SAMPLES

EXACT = {"english": (118, 118), "code": (192, 192), "json": (187, 188), "chinese": (127, 189)}  # o200k, cl100k


def count(text: str, model: str) -> int:
    return Counter(family_of(model)).count(text)


@pytest.mark.parametrize("kind", SAMPLES)
def test_openais_families_are_counted_exactly(kind: str) -> None:
    assert (count(SAMPLES[kind], "gpt-4o"), count(SAMPLES[kind], "gpt-4")) == EXACT[kind]


@pytest.mark.parametrize("kind", SAMPLES)
def test_an_estimate_is_within_15_percent(kind: str) -> None:
    assert estimate(SAMPLES[kind]) == pytest.approx(EXACT[kind][0], rel=0.15)
    assert estimate(SAMPLES[kind] * 20) == pytest.approx(EXACT[kind][0] * 20, rel=0.15)


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_long_text_is_estimated_by_parts_of_it(kind: str) -> None:
    assert estimate(SAMPLES[kind] * 3000) == pytest.approx(EXACT[kind][0] * 3000, rel=0.15)


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("gpt-4o-mini-2024-07-18", O200K),
        ("openai/gpt-4.1-nano", O200K),
        ("gpt-5.2", O200K),
        ("o3-mini", O200K),
        ("ft:gpt-4o-2024-08-06:team::id", O200K),
        ("gpt-4-0613", CL100K),
        ("gpt-3.5-turbo", CL100K),
        ("gpt-35-turbo", CL100K),
        ("text-embedding-3-small", CL100K),
        ("claude-opus-5", None),
        ("text-embedding-004", None),
        ("octopus", None),
        (None, None),
    ],
)
def test_the_name_says_the_vocabulary(model: str | None, known: str | None) -> None:
    assert family_of(model).vocabulary == known


@pytest.mark.parametrize(
    ("older", "newer"), [("claude-3-5-sonnet-latest", "claude-opus-4-7"), ("claude-sonnet-4-5", "claude-sonnet-5")]
)
def test_the_newest_claude_counts_more(older: str, newer: str) -> None:
    """Up to 1.35 times what others make of it, says the vendor."""
    assert count(ENGLISH, "llama3") < count(ENGLISH, older) < count(ENGLISH, newer) <= count(ENGLISH, "llama3") * 1.36


@given(st.text(max_size=400), st.sampled_from(["gpt-4o", "gpt-4", "claude-x", "other"]))
def test_any_text_is_counted(text: str, model: str) -> None:
    found = count(text, model)
    assert 0 <= found <= 4 * len(text) + 1


def test_half_a_surrogate_pair_is_estimated() -> None:
    assert count("a broken \ud83d thing", "gpt-4o") > 0


@pytest.mark.parametrize("kind", ["english", "code", "chinese"])
def test_pieces_make_the_whole(kind: str) -> None:
    """Exact where there are words to cut between, a token for each cut where there are none."""
    text = SAMPLES[kind] * (400_000 // len(SAMPLES[kind]))
    whole = vocabulary(O200K).count(text)
    cuts = len(text) // (16 * 1024) + 1
    assert abs(count(text, "gpt-4o") - whole) <= (cuts if kind == "chinese" else 0)


HOSTILE = {
    "letters": "a" * 8_000_000,
    "few letters": "a" * 100_000,
    "spaces": " " * 8_000_000,
    "marks": "^" * 50_000,
    "prose": ENGLISH * 15_000,
    "quotes": '"' * 8_000_000,
    "lines": "\n" * 8_000_000,
    "other scripts": "".join(map(chr, range(0x3400, 0x9FFF))) * 40,
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4", "claude-x"])
def test_time_is_bounded(kind: str, model: str) -> None:
    """A hundredth of it is usual; the rest is for a machine that does much else."""
    vocabulary(O200K), vocabulary(CL100K)
    began = time.process_time()
    count(HOSTILE[kind], model)
    assert time.process_time() - began < 3


def test_other_threads_run_between_pieces() -> None:
    """A long text is never one call that holds all others up."""
    text, turns = ENGLISH * 1900, 0
    counting = threading.Thread(target=count, args=(text, "gpt-4o"))
    counting.start()
    while counting.is_alive():
        turns += 1
        time.sleep(0)
    assert turns > 3


def test_much_text_in_many_parts_is_bounded_too() -> None:
    """What the exact count may take is shared by all texts of a request."""
    counter = Counter(family_of("gpt-4o"))
    found = [counter.count(ENGLISH * 600) for _ in range(20)]
    assert found[0] == 118 * 600 and found[-1] == pytest.approx(118 * 600, rel=0.2)


def test_without_the_library_everything_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(tokens, "import_module", missing)
    monkeypatch.setattr(tokens, "vocabulary", vocabulary.__wrapped__)
    assert tokens.vocabulary(O200K) is None
    assert count(ENGLISH, "gpt-4o") == round(estimate(ENGLISH))


def test_vocabularies_are_loaded_for_who_needs_them() -> None:
    vocabulary.cache_clear()
    tokens.load_for(["claude-opus-5", "small"])
    assert vocabulary.cache_info().currsize == 0
    tokens.load_for(["claude-opus-5", "gpt-4o", "gpt-5"])
    assert vocabulary.cache_info().currsize == 1
