"""A run's directory is private, short, and swept when its process was killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from extproc.dataplane import run_directory


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(run_directory.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_it_is_private_and_goes_away(base: Path) -> None:
    run = run_directory.new_run_directory()
    assert run.root.stat().st_mode & 0o777 == 0o700
    assert run.secrets.is_dir() and run.xds.is_dir()
    run.remove()
    assert not run.root.exists()


def test_what_a_killed_run_left_is_swept_and_what_lives_stays(base: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = base / f"extproc-{ended.pid}-x"
    alive = base / f"extproc-{os.getpid()}-x"
    foreign = base / "extproc-notes-x"
    for directory in (dead, alive, foreign):
        directory.mkdir()
    run_directory.sweep(base)
    assert not dead.exists()
    assert alive.exists() and foreign.exists()
