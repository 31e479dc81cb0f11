"""Reading a configuration for a verb that cannot go on without one."""

import os
from pathlib import Path

import typer

from extproc.cli import screen
from extproc.config.compile import Compiled
from extproc.config.load import load
from extproc.dataplane.start import CannotStart, refuse_strangers


def configuration_or_stop(source: Path | None, *, code: int = screen.EXIT_CANNOT_START) -> Compiled:
    loaded = load(source, os.environ)
    if loaded.compiled is not None:
        return loaded.compiled
    if not loaded.problems:
        screen.stop("no configuration: give one with -c, or set API keys in the environment", code)
    for problem in loaded.problems:
        typer.echo(str(problem), err=True)
    raise typer.Exit(code)


def strangers_or_stop(listen: list[str], compiled: Compiled, *, open_to_strangers: bool) -> None:
    """A processor on a TCP port beyond loopback, without callers, is refused like a gateway would be."""
    if open_to_strangers:
        return
    for address in listen:
        if not address.startswith("unix:"):
            host, colon, _ = address.rpartition(":")
            if not colon:
                continue  # no address at all: whoever listens says so
            try:
                refuse_strangers(host.strip("[]") or "every address", compiled.snapshot)
            except CannotStart as error:
                screen.stop(error.lines[0])
