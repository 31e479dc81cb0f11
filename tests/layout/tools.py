"""Programs that check what lies around the package: found on PATH or among the tests' environments, else a skip."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer.main

from extproc.cli import application
from tests.sdk.environments import DEBIAN, MANIFESTS

ROOT = Path(__file__).parents[2]


def on_path(program: str, why: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"this machine has no {program}: {why}")
    return found


def of_debian(program: str) -> str:
    found = shutil.which(program) or shutil.which(f"/usr/sbin/{program}")
    if found is not None:
        return found
    if (why := DEBIAN.why_missing()) is not None:
        pytest.skip(f"no {program}: {why}")
    return next(str(DEBIAN.home / "usr" / where / program) for where in ("bin", "sbin") if _has(where, program))


def with_libraries_of_debian() -> dict[str, str]:
    """The environment in which a program of `of_debian` finds the libraries that were unpacked beside it."""
    libraries = ":".join(str(path) for path in (DEBIAN.home / "usr" / "lib").glob("*-linux-gnu"))
    return {**os.environ, "LD_LIBRARY_PATH": libraries}


def _has(where: str, program: str) -> bool:
    return (DEBIAN.home / "usr" / where / program).is_file()


def of_manifests(program: str) -> str:
    if (why := MANIFESTS.why_missing()) is not None:
        pytest.skip(f"no {program}: {why}")
    return str(MANIFESTS.home / "bin" / program)


def understood_by(verb: str, words: Sequence[str]) -> None:
    """Fails where the command line does not take these words."""
    command = typer.main.get_command(application()).commands[verb]  # type: ignore[attr-defined]
    command.make_context(verb, list(words))
