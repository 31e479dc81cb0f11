"""The command line of a worker, as whoever keeps workers starts it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from extproc.dataplane.run_directory import RunDirectory
from extproc.dataplane.workers import Workers

LEAST_GRACE: Final = 1.0  # seconds: whoever is told to end at once still says good-bye to Envoy


def worker_command(
    listen: Sequence[str], admin: Path, siblings: Path, grace: float, settings: Sequence[str]
) -> list[str]:
    """`settings`: what it serves by, the same for all workers."""
    command = [sys.executable, "-m", "extproc", "serve", "--with-parent"]
    for address in listen:
        command += ["--listen", address]
    command += ["--admin", f"unix://{admin}", "--siblings", str(siblings), "--drain", f"{grace:g}s"]
    return [*command, *settings]


def gateway_workers(run: RunDirectory, count: int, drain: float) -> Workers:
    """Those of `up`: fed with snapshots and keys in files of the run."""
    grace = max(drain, LEAST_GRACE)
    fed = ["--snapshot", str(run.snapshot), "--keys", str(run.keys), "--linger", "0s"]  # Envoy is told at once

    def command(number: int, admin: Path) -> list[str]:
        return worker_command([f"unix://{run.processor(number)}"], admin, run.siblings, grace, fed)

    return Workers(count, command, run.processor_admin, run.siblings, grace)
