"""Loading: a file, a directory, the environment or plain values → what is compiled of them, or all of their problems.

Law: loading never raises for what an operator wrote; the same code serves start, reload and `extproc check`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extproc.config.compile import Compiled, compile_document
from extproc.config.document import Document, document_of, read_document
from extproc.config.found import find
from extproc.config.problems import Problem, in_order

ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Loaded:
    compiled: Compiled | None
    problems: tuple[Problem, ...] = ()
    files: tuple[Path, ...] = ()  # all that was read, secret files included: what to watch
    notes: tuple[str, ...] = ()  # for people: what was seen and is not used, or works not as they may think


def load(source: Path | None, environment: Mapping[str, str], *, elsewhere: bool = False) -> Loaded:
    """The configuration at `source`; without one, what the keys in the environment make.

    `elsewhere`: for whoever only writes down where secrets are: their variables need not be set here, nor their files
    be on this machine.
    """
    if source is None:
        found = find(environment)
        if found.document is None:
            return Loaded(None, notes=found.notes)
        return _loaded(document_of(found.document, ENVIRONMENT), (), (), environment, found.notes)
    document, problems, files = read_document(source, environment, elsewhere=elsewhere)
    if document is None:
        return Loaded(None, in_order(problems), files)
    return _loaded(document, tuple(problems), files, environment, elsewhere=elsewhere)


def load_document(values: Mapping[str, Any], name: str) -> Loaded:
    """The configuration that plain values make; problems name `name` as their file."""
    return _loaded(document_of(values, name), (), (), {})


def _loaded(
    document: Document,
    problems: tuple[Problem, ...],
    files: tuple[Path, ...],
    environment: Mapping[str, str],
    notes: tuple[str, ...] = (),
    *,
    elsewhere: bool = False,
) -> Loaded:
    outcome = compile_document(document, environment, elsewhere=elsewhere)
    said = {(problem.file, problem.path) for problem in problems if problem.path}
    # a value that could not be read has had its problem; what the checks make of its absence is no second one
    further = (problem for problem in outcome.problems if (problem.file, problem.path) not in said)
    found = in_order((*problems, *further))
    return Loaded(None if found else outcome.compiled, found, (*files, *outcome.files), (*notes, *outcome.notes))
