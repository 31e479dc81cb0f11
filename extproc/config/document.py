"""A document: what one file or one directory of YAML says, and where it says it.

Law: a directory reads like one file. Its files merge in the order of their names; mappings at the top level merge by
key, `routes` and `callers` are strung together, and the same key twice is a problem that names both places.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extproc.config.problems import PathParts, Problem, path_text
from extproc.config.scalars import Scalar
from extproc.config.variables import put_in
from extproc.config.yaml_nodes import Entry, read_tree

SUFFIXES = (".yaml", ".yml")
_STRUNG_TOGETHER = frozenset({"routes", "callers"})
_MERGED = frozenset(
    {(), ("providers",), ("services",), ("aliases",), ("strategies",), ("failover",), ("failover", "chains")}
    | {("listen",), ("limits",)}
)


@dataclass(frozen=True, slots=True)
class Document:
    root: Entry

    def plain(self) -> dict[str, Any]:
        """The values alone, as a new tree of dicts and lists."""
        values = _plain(self.root)
        return values if isinstance(values, dict) else {}

    def entry(self, path: PathParts) -> Entry:
        """The entry at this path, or the nearest one above it."""
        entry = self.root
        for part in path:
            below = _below(entry, part)
            if below is None:
                break
            entry = below
        return entry

    def has(self, path: PathParts) -> bool:
        entry: Entry | None = self.root
        for part in path:
            entry = _below(entry, part) if entry is not None else None
        return entry is not None

    def known_elsewhere(self) -> list[PathParts]:
        """The values that are variables which are not set here."""
        return list(_known_elsewhere(self.root, ()))

    def variable(self, path: PathParts) -> str | None:
        """The environment variable that a value is and nothing else."""
        return self.entry(path).variable if self.has(path) else None

    def place(self, path: PathParts) -> str:
        """Where a value is written, for people."""
        entry = self.entry(path)
        return f"{entry.file}:{entry.line}: {path_text(path)}"

    def problem(self, path: PathParts, message: str, hint: str = "") -> Problem:
        """A problem at this path: a scalar's own line, a mapping's or a list's key."""
        entry = self.entry(path)
        scalar = not isinstance(entry.content, (dict, list)) and self.has(path)
        line = entry.line if scalar or not entry.key_line else entry.key_line
        return Problem(entry.file, line, path_text(path), message, hint)


def read_document(
    source: Path, environment: Mapping[str, str], *, elsewhere: bool = False
) -> tuple[Document | None, list[Problem], tuple[Path, ...]]:
    """The document at a file or directory, what is wrong with its text, and the files that were read."""
    if source.is_dir():
        files = yaml_files(source)
        if not files:
            return None, [Problem(str(source), 1, "", "the directory holds no *.yaml or *.yml file")], ()
    else:
        files = (source,)
    problems: list[Problem] = []
    root: Entry | None = None
    for file in files:
        tree, found = _read_file(file)
        problems += found
        if tree is not None:
            problems += put_in(tree, environment, elsewhere=elsewhere)
            root = tree if root is None else _merge(root, tree, (), problems)
    return (Document(root) if root is not None else None), problems, files


def yaml_files(directory: Path) -> tuple[Path, ...]:
    """What a directory is made of. Dotfiles, and with them the `..data` of a mounted ConfigMap, are no part of it."""
    try:
        found = sorted(directory.iterdir(), key=lambda path: path.name)
    except OSError:
        return ()
    return tuple(p for p in found if p.suffix in SUFFIXES and not p.name.startswith(".") and p.is_file())


def document_of(values: Mapping[str, Any], file: str) -> Document:
    """A document that was not read from YAML: every value stands on line 1 of `file`."""
    return Document(_entry_of(values, file))


def _read_file(file: Path) -> tuple[Entry | None, list[Problem]]:
    try:
        data = file.read_bytes()
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        return None, [Problem(str(file), 1, "", f"the file cannot be read: {reason}")]
    return read_tree(data, str(file))


def _merge(first: Entry, second: Entry, path: PathParts, problems: list[Problem]) -> Entry:
    one, two = first.content, second.content
    if two is None:
        return first
    if one is None:
        return second
    if isinstance(one, dict) and isinstance(two, dict) and path in _MERGED:
        content = dict(one)
        for key, entry in two.items():
            content[key] = _merge(content[key], entry, (*path, key), problems) if key in content else entry
        return Entry(first.file, first.line, content, first.key_line)
    if isinstance(one, list) and isinstance(two, list) and len(path) == 1 and path[0] in _STRUNG_TOGETHER:
        return Entry(first.file, first.line, [*one, *two], first.key_line)
    message = f"the same key stands twice: also at {first.file}:{first.key_line}"
    problems.append(Problem(second.file, second.key_line, path_text(path), message, "keep one"))
    return first


def _below(entry: Entry, part: str | int) -> Entry | None:
    if isinstance(entry.content, dict) and isinstance(part, str):
        return entry.content.get(part)
    if isinstance(entry.content, list) and isinstance(part, int) and part < len(entry.content):
        return entry.content[part]
    return None


def _known_elsewhere(entry: Entry, path: PathParts) -> Iterator[PathParts]:
    if isinstance(entry.content, dict):
        for key, child in entry.content.items():
            yield from _known_elsewhere(child, (*path, key))
    elif isinstance(entry.content, list):
        for place, child in enumerate(entry.content):
            yield from _known_elsewhere(child, (*path, place))
    elif entry.elsewhere:
        yield path


def _plain(entry: Entry) -> dict[str, Any] | list[Any] | Scalar:
    if isinstance(entry.content, dict):
        return {key: _plain(child) for key, child in entry.content.items()}
    if isinstance(entry.content, list):
        return [_plain(child) for child in entry.content]
    return entry.content


def _entry_of(value: Any, file: str) -> Entry:
    if isinstance(value, Mapping):
        return Entry(file, 1, {str(key): _entry_of(child, file) for key, child in value.items()}, 1)
    if isinstance(value, (list, tuple)):
        return Entry(file, 1, [_entry_of(child, file) for child in value], 1)
    return Entry(file, 1, value, 1)
