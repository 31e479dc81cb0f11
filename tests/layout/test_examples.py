"""The example configurations load as they stand, without a note that something in them is off."""

import re
from pathlib import Path

import pytest

from extproc.config.load import load
from tests.layout.tools import ROOT

EXAMPLES = sorted((ROOT / "envoy" / "examples").glob("*.yaml"))


def variables(text: str) -> dict[str, str]:
    """A value for each variable that is named; each another, because two callers have no key in common."""
    return {name: f"secret-{name.lower()}" for name in re.findall(r"\$\{(\w+)\}", text)}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_it_loads(file: Path) -> None:
    loaded = load(file, variables(file.read_text()))
    assert [str(problem) for problem in loaded.problems] == []
    assert loaded.compiled is not None and loaded.notes == ()
    assert loaded.compiled.snapshot.callers, "an example that lets anybody call is no example"


def test_there_is_one_for_each_way_of_using_it() -> None:
    assert [file.stem for file in EXAMPLES] == ["clusters", "minimal", "providers", "services"]


def test_envoys_folder_is_no_package() -> None:
    """Else it would shadow Envoy's own, and could come into the wheel."""
    assert list((ROOT / "envoy").rglob("*.py")) == []
