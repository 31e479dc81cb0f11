"""What is stripped at the edge, by the expression alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc import names
from extproc.dataplane.edge import all_but

WORDS = st.text(alphabet="abc-", max_size=6)


@given(st.frozensets(WORDS, max_size=5), WORDS)
def test_all_but_the_kept(kept: frozenset[str], word: str) -> None:
    """The expression holds for every name with the prefix that is not kept, and for no other."""
    expression = all_but("x-", [f"x-{one}" for one in kept])
    assert (re.fullmatch(expression, f"x-{word}") is None) == (word in kept)
    assert re.fullmatch(expression, f"y-{word}") is None


@pytest.mark.parametrize(
    "name", [*names.ANSWER_HEADERS, names.CTL_RETRY, names.CTL_HOSTS, "x-extproc-", "x-extproc-teams"]
)
def test_what_is_ours_is_stripped(name: str) -> None:
    """Answers' headers, headers between the filters, near misses."""
    assert re.fullmatch(all_but(names.PREFIX, names.CALLER_HEADERS), name)


@pytest.mark.parametrize("name", [*names.CALLER_HEADERS, "authorization", "x-other"])
def test_what_callers_may_say_stays(name: str) -> None:
    """And everything that is not ours."""
    assert not re.fullmatch(all_but(names.PREFIX, names.CALLER_HEADERS), name)
