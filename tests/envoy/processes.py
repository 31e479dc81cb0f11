"""What the kernel says of processes: who descends from whom, who is alive, who listens where.

Law: read from /proc and nowhere else, so that it is not the product's own word.
"""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

PROC = Path("/proc")
LISTENING = "0A"


def _stat(pid: int) -> list[str]:
    """The fields behind the command's name, which may hold spaces and brackets itself."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def is_alive(pid: int) -> bool:
    try:
        return _stat(pid)[0] not in ("Z", "X")
    except (OSError, IndexError):
        return False


def descendants(pid: int) -> set[int]:
    parents: dict[int, int] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
            except (OSError, IndexError):
                continue
    found: set[int] = set()
    more = {pid}
    while more:
        more = {child for child, parent in parents.items() if parent in more} - found
        found |= more
    return found


def command_line(pid: int) -> str:
    return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()


def tcp_ports_listened_on(pids: Iterable[int]) -> set[int]:
    """TCP ports, of both families, on which any of these processes listens."""
    inodes: set[str] = set()
    for pid in pids:
        try:
            links = [os.readlink(entry) for entry in (PROC / str(pid) / "fd").iterdir()]
        except OSError:
            continue
        inodes |= {link[8:-1] for link in links if link.startswith("socket:[")}
    ports: set[int] = set()
    for table in ("tcp", "tcp6"):
        for line in (PROC / "net" / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and fields[9] in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def eventually(holds: Callable[[], object], what: str, seconds: float = 10.0) -> None:
    """Waits until `holds()` is true; what the kernel or another process does takes a moment."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)
