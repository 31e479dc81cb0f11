"""How the render verbs read, write and complain."""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import typer
import yaml

from extproc.app.foreign import CannotRender
from extproc.app.secret_references import CannotRefer
from extproc.cli import screen
from extproc.config.compile import Compiled
from extproc.config.load import load
from extproc.dataplane.form import Node


def compiled_or_stop(source: Path) -> Compiled:
    loaded = load(source, os.environ, elsewhere=True)
    if loaded.compiled is not None:
        return loaded.compiled
    for problem in loaded.problems:
        typer.echo(str(problem), err=True)
    raise typer.Exit(screen.EXIT_NO)


@contextlib.contextmanager
def or_stop() -> Iterator[None]:
    """What the configuration says and the form cannot: each line as a complaint."""
    try:
        yield
    except (CannotRefer, CannotRender) as error:
        for line in error.lines:
            screen.complain(line)
        raise typer.Exit(screen.EXIT_NO) from None


def say(notes: Iterable[str]) -> None:
    for note in notes:
        screen.complaints.print(f"[yellow]note[/] {screen.plain(note)}", soft_wrap=True)


def envoys(node: Node, output: Path | None) -> None:
    """JSON, or YAML where the file is called so."""
    as_yaml = output is not None and output.suffix in (".yaml", ".yml")
    _write(_yaml([node]) if as_yaml else json.dumps(node, indent=2, sort_keys=True) + "\n", output)


def manifests(nodes: Sequence[Node], output: Path | None) -> None:
    _write(_yaml(nodes), output)


def into(directory: Path, texts: Iterable[tuple[str, str]]) -> None:
    for name, text in texts:
        _write(text, directory / name)


class _Plain(yaml.SafeDumper):
    """What stands twice is written twice: not every reader of manifests takes anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _yaml(nodes: Sequence[Node]) -> str:
    return "---\n".join(yaml.dump(node, Dumper=_Plain, sort_keys=True, width=120, allow_unicode=True) for node in nodes)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        new = output.with_name(f".{output.name}.new")
        new.write_text(text, encoding="utf-8")
        new.replace(output)  # Envoy follows files that are moved into their place
    except OSError as error:
        screen.stop(f"cannot write {output}: {error.strerror}", screen.EXIT_NO)
