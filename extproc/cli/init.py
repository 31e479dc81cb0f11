"""`extproc init`: a commented start."""

from pathlib import Path
from typing import Annotated

import typer

from extproc.cli import screen
from extproc.config.starter import STARTER

NAME = "init"
EXAMPLES = "**Examples:** `extproc init` · `extproc init gateway.yaml` · `extproc init --stdout`"


def command(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("extproc.yaml"),
    stdout: Annotated[bool, typer.Option("--stdout", help="Print it instead.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented configuration to start from."""
    if stdout:
        typer.echo(STARTER, nl=False)
        return
    if path.exists() and not force:
        screen.stop(f"{path} exists; --force overwrites it", screen.EXIT_NO)
    try:
        path.write_text(STARTER)
    except OSError as error:
        screen.stop(f"cannot write {path}: {error.strerror}", screen.EXIT_NO)
    screen.out.print(f"wrote {path}. Next: extproc check {path}, then extproc up -c {path}", soft_wrap=True)
