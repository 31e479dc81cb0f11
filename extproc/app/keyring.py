"""The keyring: the secrets that the processor itself uses, by the names of names.KEY_….

Law: a secret is never printed: no repr shows one. Standing alone, a processor holds them with its configuration; under
`up` the supervisor writes each to a file of the run's private directory, and the processor looks at it each time, so
that a rotated secret is used from the next request on. What is not there is None, never an empty secret.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from extproc.config.credentials import Secret


def key_file(name: str) -> str:
    """The name of a key's file: providers may be called what no file can."""
    return quote(name, safe="")


class HeldKeys:
    """Those of the configuration in force, and of the ones before: exchanges finish with what they began with."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Mapping[str, Secret] | None = None) -> None:
        self._keys: dict[str, bytes] = {}
        self.use(keys or {})

    def use(self, keys: Mapping[str, Secret]) -> None:
        self._keys.update((name, secret.read().encode()) for name, secret in keys.items())

    def __call__(self, name: str) -> bytes | None:
        return self._keys.get(name) or None


class FileKeys:
    """Those in files, which others replace by rename: read again only when the file is another."""

    __slots__ = ("_directory", "_read")

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[str, tuple[tuple[int, int, int], bytes]] = {}

    def __call__(self, name: str) -> bytes | None:
        path = f"{self._directory}/{key_file(name)}"
        try:
            found = os.stat(path)
            which = (found.st_ino, found.st_mtime_ns, found.st_size)
            known = self._read.get(name)
            if known is None or known[0] != which:
                # what is read may be newer than what was looked at: then it is read once more, the next time
                known = self._read[name] = (which, Path(path).read_bytes())
        except FileNotFoundError:
            self._read.pop(name, None)
            return None
        return known[1] or None
