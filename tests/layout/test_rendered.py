"""Rendered files are what `extproc render` makes now, of examples that load, and a real Envoy takes them."""

import os
import subprocess
from pathlib import Path

import pytest

from extproc.cli import VERBS
from tests.dataplane.envoy import binary
from tests.layout.tools import ROOT
from tools.rendered import RENDERED, write

pytestmark = pytest.mark.skipif("render" not in VERBS, reason="this version has no `extproc render`")


@pytest.mark.parametrize("name", RENDERED)
def test_what_is_rendered_is_not_stale(name: str, tmp_path: Path) -> None:
    again = tmp_path / Path(name).name
    write(name, again)
    assert again.read_text() == (ROOT / name).read_text(), f"{name} is stale: make rendered"


def test_envoy_takes_the_bootstrap_without_a_warning() -> None:
    done = subprocess.run(
        # --mode validate looks up the variables that hold its secrets
        [binary(), "--mode", "validate", "-c", str(ROOT / "envoy/bootstrap.yaml"), "-l", "warning"],
        capture_output=True,
        text=True,
        env={**os.environ, "OPENAI_API_KEY": "k"},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr


@pytest.mark.parametrize("name", RENDERED)
def test_no_secret_and_no_place_of_this_machine_is_in_it(name: str) -> None:
    text = (ROOT / name).read_text()
    assert str(ROOT) not in text and "sk-" not in text
