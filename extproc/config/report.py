"""What the checks of one document write to: problems and notes at their places, and the files that it leans on."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from extproc.config.certificates import HeldCertificates
from extproc.config.document import Document
from extproc.config.problems import PathParts, Problem


@dataclass(slots=True)
class Report:
    document: Document
    broken: frozenset[PathParts] = frozenset()  # entries whose mistakes have been said
    problems: list[Problem] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # for people: what works, and not as they may think
    environment: Mapping[str, str] = field(default_factory=dict)
    elsewhere: bool = False  # secrets may be only where the configuration is used
    secrets: set[PathParts] = field(default_factory=set)  # the values that were read as secrets
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    certificates: dict[str, HeldCertificates] = field(default_factory=dict)  # by the upstream's name
    listener: HeldCertificates = field(
        default_factory=HeldCertificates
    )  # what clients are shown, and whose certificates are believed

    def add(self, path: PathParts, message: str, hint: str = "") -> None:
        if not any(path[:depth] in self.broken for depth in (1, 2, 3)):
            self.problems.append(self.document.problem(path, message, hint))

    def note(self, path: PathParts, message: str, hint: str = "") -> None:
        said = str(self.document.problem(path, message, hint))
        if said not in self.notes:
            self.notes.append(said)

    def is_elsewhere(self, path: PathParts, written: str) -> bool:
        """Whether a file of secrets is not on this machine, and need not be."""
        return (
            self.elsewhere and bool(written) and not _is_contents(written) and not self._place(path, written).exists()
        )

    def read(self, path: PathParts, written: str, what: str) -> bytes | None:
        """The bytes of a file that the document names; a relative path begins beside the file that names it."""
        if _is_contents(written):
            self.add(path, "must be the path of a file, and not what it holds")
            return None
        file = self._place(path, written)
        self.files.append(file)
        if not written:
            self.add(path, "names no file")
            return None
        try:
            return file.read_bytes()
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or "its name cannot be one").lower()
            self.add(path, f"{what} cannot be read: {reason}", f"looked for {file}")
            return None

    def location(self, path: PathParts, written: str) -> str:
        return str(self._place(path, written).absolute())

    def _place(self, path: PathParts, written: str) -> Path:
        named = Path(written)
        with contextlib.suppress(RuntimeError):  # of nobody's home
            named = named.expanduser()
        return Path(self.document.entry(path).file).parent / named


def _is_contents(written: str) -> bool:
    """A key or certificate where its file's path belongs: a problem would show it to everybody."""
    return "-----BEGIN" in written or any(character in written for character in "\n\r\0")
