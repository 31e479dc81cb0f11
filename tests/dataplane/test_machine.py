"""What the machine gives: found where it says so, and done without where it does not."""

import os
import resource
from pathlib import Path

import pytest

from extproc.dataplane.machine import memory, note_few_descriptors, raise_descriptor_limit

PHYSICAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
MIB = 1024 * 1024


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("own", "files", "found"),
    [
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": str(64 * MIB)}, 64 * MIB),
        ("0::/a\n", {"a/memory.max": str(64 * MIB), "memory.max": str(32 * MIB)}, 32 * MIB),
        ("0::/\n", {"memory.max": str(16 * MIB)}, 16 * MIB),
        ("0::/a\n", {"a/memory.max": "max"}, PHYSICAL),
        ("0::/elsewhere\n", {}, PHYSICAL),
        ("5:cpu,memory:/x\n3:pids:/x\n0::/\n", {"memory/x/memory.limit_in_bytes": str(48 * MIB)}, 48 * MIB),
        ("5:memory:/x\n", {"memory/x/memory.limit_in_bytes": "9223372036854771712"}, PHYSICAL),
    ],
)
def test_a_container_has_what_its_groups_leave_it(tmp_path: Path, own: str, files: dict[str, str], found: int) -> None:
    """The smallest of all that hold, in either version; never more than the machine has."""
    write(tmp_path / "own", own)
    for name, text in files.items():
        write(tmp_path / "cgroup" / name, text)
    assert memory(tmp_path / "cgroup", tmp_path / "own") == found


def test_without_groups_it_is_the_machines(tmp_path: Path) -> None:
    """As on macOS."""
    assert memory(tmp_path, tmp_path / "none") == PHYSICAL


class Limits:
    """A system that takes no more than `most`, whatever it calls its hard limit."""

    def __init__(self, soft: int, hard: int, most: int) -> None:
        self.soft, self.hard, self.most = soft, hard, most

    def get(self, _: int) -> tuple[int, int]:
        return self.soft, self.hard

    def set(self, _: int, limits: tuple[int, int]) -> None:
        wanted = limits[0]
        if wanted == resource.RLIM_INFINITY or wanted > self.most:
            raise ValueError("not allowed to raise maximum limit")
        self.soft = wanted


@pytest.mark.parametrize(
    ("soft", "hard", "most", "now"),
    [
        (1_024, 4_096, 4_096, 4_096),
        (4_096, 4_096, 4_096, 4_096),
        (256, resource.RLIM_INFINITY, 61_440, 10_240),  # macOS
        (256, resource.RLIM_INFINITY, 2_000_000, 1_048_576),
        (61_440, resource.RLIM_INFINITY, 61_440, 61_440),  # raised by hand: never lowered
        (1_024, 2_000_000, 70_000, 65_536),
    ],
)
def test_the_soft_limit_goes_as_high_as_it_may(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, most: int, now: int
) -> None:
    """To the hard limit, or to what the kernel takes of it."""
    limits = Limits(soft, hard, most)
    monkeypatch.setattr(resource, "getrlimit", limits.get)
    monkeypatch.setattr(resource, "setrlimit", limits.set)
    assert raise_descriptor_limit() == now
    assert limits.soft == now


@pytest.mark.parametrize(
    ("wanted", "descriptors", "said"),
    [(5_000, 4_096, True), (1_000, 4_096, False), (50_000, 20_000, False), (50_000, 1_024, True), (5_000, None, False)],
)
def test_too_few_are_told(caplog: pytest.LogCaptureFixture, wanted: int, descriptors: int | None, said: bool) -> None:
    """Where somebody asked for more, or only a handful could connect."""
    note_few_descriptors(wanted, descriptors)
    assert bool(caplog.records) is said
