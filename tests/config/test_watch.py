"""Changes are what the files are, not what the file system said of them."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from extproc.config.watch import changes, fingerprint
from tests.config.places import mount


class Notices:
    """Stands in for watchfiles: each step changes something on disk, then a notice is given."""

    def __init__(self, *steps: Any) -> None:
        self.steps = list(steps)
        self.watched: list[tuple[Path, ...]] = []

    async def __call__(self, *directories: Path, **_: Any) -> AsyncIterator[set[object]]:
        self.watched.append(directories)
        while self.steps:
            self.steps.pop(0)()
            yield set()


async def count(source: Path, notices: Notices, files: tuple[Path, ...] = ()) -> int:
    return len([one async for one in changes(source, lambda: files, awatch=notices)])


async def test_a_notice_without_a_change_is_no_change(tmp_path: Path) -> None:
    file = tmp_path / "extproc.yaml"
    file.write_text("a")
    other = tmp_path / "other.txt"
    notices = Notices(lambda: None, lambda: other.write_text("x"), lambda: file.write_text("abc"))
    assert await count(file, notices) == 1


async def test_an_editor_that_renames_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "extproc.yaml"
    file.write_text("a")
    (tmp_path / "new").write_text("b")
    assert await count(file, Notices(lambda: os.replace(tmp_path / "new", file))) == 1


async def test_a_file_that_comes_or_goes_in_a_directory_is_seen(tmp_path: Path) -> None:
    first = tmp_path / "a.yaml"
    first.write_text("a")
    steps = Notices(lambda: (tmp_path / "b.yaml").write_text("b"), first.unlink, lambda: (tmp_path / "c.txt").touch())
    assert await count(tmp_path, steps) == 2


async def test_a_secret_file_elsewhere_is_watched_in_its_own_directory(tmp_path: Path) -> None:
    file = tmp_path / "extproc.yaml"
    file.write_text("a")
    secrets = tmp_path / "secrets"
    mount(secrets, "one", {"key": "first"})
    notices = Notices(lambda: mount(secrets, "two", {"key": "second"}))
    assert await count(file, notices, (secrets / "key",)) == 1
    assert secrets in notices.watched[0]


@pytest.mark.parametrize("name", ["k" * 300, f"{'k' * 300}/x", "round/x", "file/x"], ids=lambda name: name[-10:])
async def test_what_can_be_no_file_ends_no_watch(tmp_path: Path, name: str) -> None:
    """A mistake in the configuration must not end the gateway that it was made in."""
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "file").write_text("")
    file = tmp_path / "extproc.yaml"
    file.write_text("a")
    notices = Notices(lambda: None, lambda: file.write_text("abc"))
    assert await count(file, notices, (tmp_path / name,)) == 1


async def test_a_directory_that_may_not_be_listed_is_not_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As /etc/ssl/private is to its group: the key in it may be read, and the kernel would refuse the watch."""
    file, private = tmp_path / "extproc.yaml", tmp_path / "private"
    private.mkdir()
    for one in (file, private / "client.key"):
        one.write_text("a")
    monkeypatch.setattr(os, "access", lambda path, mode: path != private and mode == os.R_OK)
    notices = Notices(lambda: None, lambda: (private / "client.key").write_text("abc"))
    assert await count(file, notices, (private / "client.key",)) == 1
    assert notices.watched == [(tmp_path,)]


async def test_a_change_before_the_watch_began_is_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "extproc.yaml"
    file.write_text("a")
    before = fingerprint(file, ())
    file.write_text("something longer")
    found = changes(file, lambda: (), awatch=Notices(lambda: None), since=before)
    assert len([one async for one in found]) == 1


async def test_a_mounted_config_map_that_swaps_is_seen_for_real(tmp_path: Path) -> None:
    """With the real watcher: three swaps of `..data`, as the kubelet does them, are three changes."""
    mount(tmp_path, "1", {"extproc.yaml": "a: 1"})
    source = tmp_path
    found = changes(source, lambda: (), since=fingerprint(source, ()))

    async def swap_and_wait(generation: str) -> None:
        pending = asyncio.ensure_future(anext(found))
        mount(tmp_path, generation, {"extproc.yaml": f"a: {generation}"})
        assert (await asyncio.wait_for(pending, 20))[0][1].endswith(f"..{generation}/extproc.yaml")

    for generation in ("2", "3", "4"):
        await swap_and_wait(generation)
    await found.aclose()
