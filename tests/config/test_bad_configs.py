"""One mistake in each file of tests/bad_configs, whose first comments are what `extproc check` must say."""

import re
from pathlib import Path

import pytest

from extproc.config.load import load

DIRECTORY = Path(__file__).parents[1] / "bad_configs"
FILES = sorted(DIRECTORY.glob("*.yaml"))
SHOWN = "tests/bad_configs"


def expected(file: Path) -> list[str]:
    lines = file.read_bytes().decode("utf-8", errors="replace").splitlines()
    heads = [re.match(r"# (\d+: .*)$", line) for line in lines]
    count = heads.index(None) if None in heads else len(heads)
    return [f"{file}:{head[1].replace(SHOWN, str(DIRECTORY))}" for head in heads[:count] if head]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_mistake_is_said_once_at_its_line_in_these_words(file: Path) -> None:
    found = load(file, {})
    assert [str(problem) for problem in found.problems] == expected(file)
    assert found.compiled is None


def test_there_are_many_and_each_says_something() -> None:
    assert len(FILES) >= 45
    assert all(expected(file) for file in FILES)
