"""What is timed of decisions is a plan of the candidates that the column promises."""

import pytest

from bench import deciding
from extproc.decision.decide import decide


@pytest.mark.parametrize("kind", deciding.kinds())
@pytest.mark.parametrize("size", [10, 999])
def test_a_named_model_has_three_candidates_and_an_open_choice_has_all(kind: str, size: int) -> None:
    config, seen = deciding.snapshot(size), deciding.observations(size)
    name = deciding.model_of(size // 2, size)
    named = decide(deciding.facts(kind, name), config, seen, deciding.NOW, 0.5)
    left_open = decide(deciding.facts(kind, None), config, seen, deciding.NOW, 0.5)
    serving = sum(target.model == name for target in deciding.targets(size))
    assert serving in (3, 4) and len(named.candidates) == serving and len(left_open.candidates) == size
    assert all(candidate.kept for candidate in named.candidates[:3])


def test_rows_have_their_columns() -> None:
    row = deciding.Row({10: 20.0, 1_000: 21.0, 10_000: 30.0}, {10: 50.0, 1_000: 5_000.0, 10_000: 40_000.0})
    assert deciding.cells({"cost": row}) == [("cost", "20", "21", "30", "1.5", "50", "5000", "40000", "4.0")]
    assert len(deciding.COLUMNS) == 9


def test_every_size_is_measured() -> None:
    rows = deciding.run(enough=0.001, sizes=(10, 100))
    assert set(rows) == set(deciding.kinds())
    assert all(set(row.named) == set(row.open) == {10, 100} for row in rows.values())
    assert all(spent > 0 for row in rows.values() for spent in (*row.named.values(), *row.open.values()))
