"""Changes of a configuration on disk, debounced.

Law: what counts is what the files are, not what the file system said: after every notice the files are compared with
what they were. So editors that rename, a ConfigMap's `..data` swap and mounts that lose notices look the same.
Directories are watched, never files: a file that is replaced would take its watch with it.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import watchfiles

from extproc.config.document import yaml_files

Fingerprint = tuple[tuple[str, str, int, int, int], ...]

DEBOUNCE_MS = 300
STEP_MS = 50
LOOK_AGAIN_MS = 5000  # also without a notice: some mounts send none


async def changes(
    source: Path,
    files: Callable[[], Iterable[Path]],
    *,
    awatch: Callable[..., Any] = watchfiles.awatch,
    since: Fingerprint | None = None,
) -> AsyncIterator[Fingerprint]:
    """Yields whenever the source or one of `files()` has become another.

    `since` is the fingerprint taken before the configuration was loaded; without it, now is the beginning.
    """
    seen = fingerprint(source, files()) if since is None else since
    while True:
        watched = _directories(source, files())
        notices = awatch(
            *watched,
            watch_filter=None,
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            rust_timeout=LOOK_AGAIN_MS,
            yield_on_timeout=True,
            recursive=False,
        )
        async with aclosing(notices):
            async for _ in notices:
                now = fingerprint(source, files())
                if now != seen:
                    seen = now
                    yield now
                if _directories(source, files()) != watched:
                    break  # secrets moved: watch where they are now
            else:
                return


def fingerprint(source: Path, files: Iterable[Path]) -> Fingerprint:
    """What the files are now: where each really is, its inode, time and size."""
    own = yaml_files(source) if source.is_dir() else (source,)
    return tuple(_of_file(path) for path in sorted({*own, *files}))


def _of_file(path: Path) -> tuple[str, str, int, int, int]:
    try:
        status = path.stat()
        return str(path), str(path.resolve()), status.st_ino, status.st_mtime_ns, status.st_size
    except (OSError, RuntimeError):  # pathlib says the latter of links that go round
        return str(path), "", 0, 0, 0


def _directories(source: Path, files: Iterable[Path]) -> tuple[Path, ...]:
    """Where changes show: beside each file as it is named, and beside what it really is."""
    named = {source if source.is_dir() else source.parent}
    for path in (source, *files):
        named |= {path.parent, Path(os.path.realpath(path)).parent} if path != source or not source.is_dir() else {path}
    return tuple(sorted({_existing(directory) for directory in named}))


def _existing(directory: Path) -> Path:
    """The nearest that can be watched. It may be called anything, and pathlib raises for what is too long. Files may be
    read in a directory that may not be listed; those are looked at again from time to time."""
    while not (os.path.isdir(directory) and os.access(directory, os.R_OK)) and directory != directory.parent:
        directory = directory.parent
    return directory
