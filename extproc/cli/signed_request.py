"""One request and its secret, as `sign` and `verify` are given them.

Law: a secret comes from a file or an environment variable, never from an argument, which every process may read; it is
read as a configuration's is, and never printed.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer

from extproc.cli import screen

EXIT_WRONG: Final = 2  # the command line's fault
SecretFiles = Annotated[
    list[Path] | None, typer.Option("--secret-file", help="The file with the secret; may be given more than once.")
]
SecretVariables = Annotated[
    list[str] | None,
    typer.Option("--secret-env", help="The NAME of the environment variable with the secret; likewise."),
]
PathOption = Annotated[str, typer.Option("--path", help="As it is sent, with its query: '/v1/chat/completions?x=1'.")]
MethodOption = Annotated[str, typer.Option("--method", help="As it is sent.")]
BodyOption = Annotated[Path | None, typer.Option("--body", help="A file, or - for standard input; else it is empty.")]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: str
    body: bytes = field(repr=False)


def request_of(method: str, path: str, body: Path | None) -> Request:
    bare, _, query = path.partition("?")
    return Request(method, bare, query, _body(body))


def secrets_or_stop(files: Sequence[Path] | None, variables: Sequence[str] | None) -> list[bytes]:
    found = [_from_file(file) for file in files or ()] + [_from_environment(name) for name in variables or ()]
    if not found:
        screen.stop("a secret is needed: --secret-file FILE or --secret-env NAME", EXIT_WRONG)
    return found


def _body(path: Path | None) -> bytes:
    if path is None:
        return b""
    return sys.stdin.buffer.read() if str(path) == "-" else _read(path)


def _from_file(file: Path) -> bytes:
    return _some(_read(file).strip(), f"the secret in {file}")


def _from_environment(name: str) -> bytes:
    if name not in os.environ:
        # what was given may be the secret itself, so it is not repeated
        screen.stop("--secret-env takes the name of an environment variable, and none has the one given", EXIT_WRONG)
    return _some(os.environb[name.encode()].strip(), f"the secret in ${name}")


def _some(secret: bytes, what: str) -> bytes:
    if not secret:
        screen.stop(f"{what} is empty", EXIT_WRONG)
    return secret


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        screen.stop(f"{path}: {error.strerror}", EXIT_WRONG)
