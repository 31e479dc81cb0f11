"""Globs, told three ways that agree."""

import re

from hypothesis import given
from hypothesis import strategies as st

from extproc.facts import globs

TEXTS = st.text(alphabet="ab/.", max_size=8)
GLOBS = st.text(alphabet="ab/.*", max_size=8)


def by_hand(glob: str, text: str) -> bool:
    """An oracle that knows nothing of regular expressions."""
    if not glob:
        return not text
    if glob[0] == "*":
        return any(by_hand(glob[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and text[0] == glob[0] and by_hand(glob[1:], text[1:])


@given(GLOBS, TEXTS)
def test_a_glob_matches_what_it_says(glob: str, text: str) -> None:
    """A star stands for any characters, slashes included; everything else for itself."""
    assert globs.matches(glob, text) == by_hand(glob, text)


@given(GLOBS, TEXTS, TEXTS)
def test_remainders_match_exactly_what_may_follow(glob: str, read: str, rest: str) -> None:
    """Behind what was read, one of the remainders matches if and only if the glob matches the whole."""
    left = globs.remainders(glob, read)
    assert any(by_hand(remainder, rest) for remainder in left) == by_hand(glob, read + rest)


@given(GLOBS, TEXTS, TEXTS)
def test_everything_is_everything(glob: str, read: str, rest: str) -> None:
    """Where the remainders claim to match everything, they do."""
    if globs.is_everything(globs.remainders(glob, read)):
        assert by_hand(glob, read + rest)


@given(GLOBS, TEXTS)
def test_captures_are_the_stars(glob: str, text: str) -> None:
    """With captures the expression has one group for each star and matches the same."""
    found = re.fullmatch(globs.to_regex(glob, captures=True), text)
    assert (found is not None) == by_hand(glob, text)
    assert found is None or len(found.groups()) == glob.count("*")


@given(st.text(max_size=10))
def test_escaped_text_stands_for_itself(text: str) -> None:
    """Nothing in a literal is read as an operator."""
    assert re.fullmatch(globs.escape(text), text)
