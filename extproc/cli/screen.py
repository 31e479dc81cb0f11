"""Where the verbs write: people's form on a terminal, JSON when piped, complaints on standard error."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table

EXIT_NO = 1
EXIT_CANNOT_START = 3

out = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)


def for_people() -> bool:
    return sys.stdout.isatty()


def as_json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def write_json(value: Any, *, compact: bool = False) -> None:
    """`compact` for a stream of lines, else indented for whoever looks at it after all."""
    sys.stdout.write((msgspec.json.encode(value).decode() if compact else as_json(value)) + "\n")
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*row)
    out.print(made)


def notes(texts: Iterable[str]) -> None:
    """What works, and not as somebody may think."""
    for text in texts:
        out.print(f"[yellow]note[/] {plain(text)}", soft_wrap=True)


def complain(line: str) -> None:
    complaints.print(f"[bold red]extproc:[/] {plain(line)}", soft_wrap=True)


def stop(line: str, code: int = EXIT_CANNOT_START) -> NoReturn:
    complain(line)
    raise typer.Exit(code)


def plain(text: str) -> str:
    """Square brackets in foreign text are not markup."""
    return text.replace("[", "\\[")
