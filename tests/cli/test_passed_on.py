"""What of a command line is asked of each worker too."""

import pytest

from extproc.cli.passed_on import passed_on


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (["-c", "f.yaml", "--workers", "2", "--open"], ("-c", "f.yaml", "--open")),
        (["--workers=2", "--listen=h:1", "-c", "f"], ("-c", "f")),
        (["--listen", "h:1", "--listen", "unix:///x", "--open"], ("--open",)),
        (["--listener", "x"], ("--listener", "x")),
        ([], ()),
    ],
)
def test_all_but_what_the_keeper_says_itself(given: list[str], passed: tuple[str, ...]) -> None:
    assert passed_on(given, ("--workers", "--listen")) == passed
