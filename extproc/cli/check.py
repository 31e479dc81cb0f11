"""`extproc check`: the same reading, checking and compiling that a start and a reload do."""

import os
from pathlib import Path
from typing import Annotated

import typer

from extproc.cli import screen
from extproc.config.load import load

NAME = "check"
EXAMPLES = "**Examples:** `extproc check` · `extproc check extproc.yaml` · `extproc check /etc/extproc | jq`"


def command(
    source: Annotated[Path, typer.Argument(help="A YAML file or a directory of them.")] = Path("extproc.yaml"),
) -> None:
    """Check a configuration and print every error as FILE:LINE: PATH: MESSAGE."""
    loaded = load(source, os.environ)
    if loaded.compiled is None:
        for problem in loaded.problems:
            typer.echo(str(problem))
        raise typer.Exit(screen.EXIT_NO)
    snapshot = loaded.compiled.snapshot
    facts = {
        "hash": snapshot.id,
        "providers": list(snapshot.providers),
        "services": list(snapshot.services),
        "routes": [route.name for route in snapshot.routes],
        "aliases": list(snapshot.aliases),
        "strategies": list(snapshot.strategies),
        "callers": len(snapshot.callers),
        "notes": list(loaded.notes),
    }
    if not screen.for_people():
        screen.write_json(facts)
        return
    screen.out.print(f"[green]{screen.plain(str(source))} is good[/] ({snapshot.id})")
    rows = [
        (key, screen.plain(", ".join(value) if isinstance(value, list) else str(value)))
        for key, value in facts.items()
        if value and key != "notes"
    ]
    screen.table(("what", "which"), rows[1:])
    screen.notes(loaded.notes)
