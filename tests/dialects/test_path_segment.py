"""Names that become one segment of a path."""

import pytest

from extproc.dialects.path_segment import segment


def test_a_name_is_quoted_whole() -> None:
    assert segment("gpt-4o") == "gpt-4o"
    assert segment("a b@c:0") == "a%20b%40c%3A0"
    assert segment("claude@2025", safe="@") == "claude@2025"
    assert segment("arn:x/y", slashes=True) == "arn%3Ax%2Fy"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a/../b", "%2e%2e", "a%2Fb", "a\nb", "a\x00b"])
def test_what_is_no_segment(name: str) -> None:
    assert segment(name) is None


def test_slashes_lead_nowhere_else() -> None:
    assert segment("arn:x/../y", slashes=True) is None
    assert segment("arn:x/%2e%2e/y", slashes=True) is None
