"""What is timed of translation and counting is real work: nothing of it is a refusal, which would be faster."""

import json

import pytest

from bench import pure
from bench.scene import prose
from extproc.translation.pair import Answer, TranslatedRequest
from extproc.translation.registry import CHAT_PAIRS

WORDS = prose(pure.EVENTS * pure.LETTERS)


def test_the_baseline_comes_first_and_every_pair_is_measured() -> None:
    """A new pair is a new row; Vertex AI speaks what others speak."""
    first, *others = pure.dialects()
    assert first == pure.BASELINE
    assert sorted(others) == sorted(provider for caller, provider in CHAT_PAIRS if caller == "openai")


@pytest.mark.parametrize("dialect", pure.dialects())
def test_what_is_timed_is_a_whole_translation(dialect: str) -> None:
    work = pure.work_of(dialect)
    request, answer, stream = work.request(), work.answer(), work.stream()
    assert isinstance(request, TranslatedRequest) and request.body is not None
    assert isinstance(answer, Answer) and json.loads(answer.body)["choices"][0]["message"]["content"] == WORDS
    chunks = [json.loads(line[6:]) for line in stream.decode().splitlines() if line.startswith("data: {")]
    said = [each["delta"].get("content") or "" for chunk in chunks for each in chunk["choices"]]
    assert "".join(said) == WORDS and len(chunks) >= pure.EVENTS and stream.endswith(b"data: [DONE]\n\n")


def test_pieces_are_of_one_size_and_lose_nothing() -> None:
    pieces = pure.in_pieces(b"0123456789", 4)
    assert pieces == [b"012", b"345", b"678", b"9"]


def test_rows_have_their_columns() -> None:
    report = pure.Report(
        {"openai": pure.PairCost(1, 2, 200), "other": pure.PairCost(10, 20, 500)}, {"x": pure.CountCost(2000, 12345.6)}
    )
    assert pure.pair_cells(report)[1] == ("other", "10", "20", "500", "2.5", "2.5")
    assert pure.count_cells(report) == [("x", "2.00", "12,346")]
    assert len(pure.PAIR_COLUMNS) == 6 and len(pure.COUNT_COLUMNS) == 3


def test_a_cost_is_of_one_time() -> None:
    """However often it is done to be told apart from the clock's grain."""
    done: list[int] = []
    cost = pure.cost(lambda: done.append(sum(range(1000))), enough=0.002)
    assert len(done) > 10 and 0 < cost < 2000


def test_every_way_of_counting_is_measured() -> None:
    counted = {name: pure.count_cost(model, enough=0.001) for name, model in pure.COUNTED.items()}
    assert all(each.prompt > 0 and each.per_second > 10_000 for each in counted.values())
