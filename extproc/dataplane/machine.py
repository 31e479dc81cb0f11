"""What the machine or container gives us: memory, and how many files and sockets a process may have open.

Law: nothing here fails; what cannot be found is None, and whoever asks does without it.
"""

import logging
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from extproc.dataplane import overload
from extproc.snapshot import ListenLimits

CGROUPS: Final = Path("/sys/fs/cgroup")
OWN_CGROUP: Final = Path("/proc/self/cgroup")
# macOS says «infinity» and refuses it: what its kernel takes for one process, and what every system takes
USUAL: Final = (1_048_576, 65_536, 10_240)
A_HANDFUL: Final = 1_000
_log = logging.getLogger("extproc")


def raise_descriptor_limit() -> int | None:
    """Up to the hard limit, for this process and all that it starts; what holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    for wanted in (hard, *(one for one in USUAL if unlimited or one < hard)):
        if soft != resource.RLIM_INFINITY and wanted != resource.RLIM_INFINITY and wanted <= soft:
            break
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            continue
        soft = wanted
        break
    return None if soft == resource.RLIM_INFINITY else soft


def note_few_descriptors(wanted: int, descriptors: int | None) -> None:
    """Says so where there are fewer than the connections of the configuration need. As many as are allowed where
    nothing is written is no wish, so then only a handful is worth a line."""
    possible = overload.connections(wanted, descriptors)
    if possible < (wanted if wanted != ListenLimits().connections else A_HANDFUL):
        needed = wanted * overload.DESCRIPTORS_OF_A_REQUEST + overload.DESCRIPTORS_OF_OURS
        _log.warning(
            "at most %d connections at a time, not %d: a process may have %s files and sockets open, and %d are needed "
            "(raise the hard limit: ulimit -Hn, LimitNOFILE=, --ulimit nofile=)",
            possible,
            wanted,
            descriptors,
            needed,
        )


def memory(cgroups: Path = CGROUPS, own: Path = OWN_CGROUP) -> int | None:
    """Of the container if it has less than the machine."""
    known = [*_physical(), *_limits(cgroups, own)]
    return min(known) if known else None


def _physical() -> Iterator[int]:
    try:
        yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return


def _limits(cgroups: Path, own: Path) -> Iterator[int]:
    """Of our control group and all around it: `memory.max` of version 2, `memory.limit_in_bytes` of version 1."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, file = cgroups, "memory.max"
        elif "memory" in controllers.split(","):
            root, file = cgroups / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = root / path.lstrip("/")
        for directory in (group, *group.parents):
            yield from _number(directory / file)
            if directory == root:
                break


def _number(file: Path) -> Iterator[int]:
    try:
        text = file.read_text().strip()
    except OSError:
        return
    if text.isdigit():
        yield int(text)
