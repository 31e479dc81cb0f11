"""Every golden case (see golden.py for how one is written): what is sent, what is given, what is refused."""

from typing import Any

import pytest

from tests.translation.golden import PIECES, Case, answered, cases, sent, streamed

CASES = cases()


def of(key: str) -> Any:
    found = [case for case in CASES if key in case.told]
    return pytest.mark.parametrize("case", found, ids=[case.name for case in found])


@of("sends")
def test_what_is_sent(case: Case) -> None:
    assert sent(case) == case.told["sends"], case.told["why"]


@of("refuses")
def test_what_is_refused(case: Case) -> None:
    check_refusal(sent(case), case.told["refuses"])


@of("answers")
def test_what_an_answer_gives(case: Case) -> None:
    for given in case.listed("answers"):
        made = answered(case, given)
        if "refuses" in given:
            check_refusal(made, given["refuses"])
        else:
            assert made == {"gives": given["gives"], "usage": given["usage"]}, case.told["why"]


@of("streams")
def test_what_a_stream_gives(case: Case) -> None:
    for given in case.listed("streams"):
        expected = {key: given[key] for key in ("gives", "usage", "fails") if key in given}
        for piece in PIECES:
            assert streamed(case, given, piece) == expected, f"{case.told['why']} (in pieces of {piece})"


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_case_says_what_it_shows(case: Case) -> None:
    assert case.told["why"]
    assert {"sends", "refuses", "answers", "streams"} & case.told.keys()


def check_refusal(made: dict[str, Any], expected: dict[str, Any]) -> None:
    assert {"reason": made["reason"], "param": made["param"]} == {
        "reason": expected["reason"],
        "param": expected.get("param"),
    }
    assert expected.get("says", "") in made["says"]
