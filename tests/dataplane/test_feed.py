"""The order of a change: no plan names a cluster Envoy lacks, no route a snapshot that no processor has."""

import json
from pathlib import Path

import pytest

from extproc.dataplane.envoy import EnvoyAdmin, EnvoyFailed
from extproc.dataplane.feed import Feed

OLD = {"name": "old.1", "@type": "c"}
NEW = {"name": "new.2", "@type": "c"}


class WatchingEnvoy(EnvoyAdmin):
    """Takes what stands in the files, and writes down when it was asked."""

    def __init__(self, xds: Path, steps: list[str]) -> None:
        self.xds = xds
        self.steps = steps
        self.last_words: list[str] = []

    def version(self, name: str) -> str:
        return str(json.loads((self.xds / f"{name}.json").read_text())["version_info"])

    async def stat(self, name: str) -> str:
        self.steps.append(".".join(name.split(".")[-2:]))
        if name.endswith(("_warming", "warming_clusters")):
            return "0"
        return self.version(next(kind for kind in ("lds", "rds", "cds") if f".{kind}." in name))


class DeafEnvoy(WatchingEnvoy):
    async def stat(self, name: str) -> str:
        return "an older version"


def clusters_in(directory: Path) -> list[str]:
    return [cluster["name"] for cluster in json.loads((directory / "cds.json").read_text())["resources"]]


def fed(tmp_path: Path) -> Feed:
    feed = Feed(tmp_path)
    feed.start("one", [{"l": 1}], [OLD], [{"r": 1}])
    return feed


async def test_a_change_gives_clusters_then_swaps_then_gives_routes(tmp_path: Path) -> None:
    feed, steps = fed(tmp_path), list[str]()
    envoy = WatchingEnvoy(tmp_path, steps)
    routes_before = (tmp_path / "rds.json").read_text()

    async def swap() -> None:
        steps.append("swap")
        assert clusters_in(tmp_path) == ["old.1", "new.2"]
        assert (tmp_path / "rds.json").read_text() == routes_before

    await feed.change(envoy, "two", [{"l": 1}], [NEW], [{"r": 2}], swap)
    assert steps == ["cds.version_text", "cluster_manager.warming_clusters", "swap", "routes.version_text"]
    assert json.loads((tmp_path / "rds.json").read_text())["resources"] == [{"r": 2}]


async def test_old_clusters_stay_until_they_are_dropped(tmp_path: Path) -> None:
    feed = fed(tmp_path)

    async def swap() -> None:
        return None

    await feed.change(WatchingEnvoy(tmp_path, []), "two", [], [NEW], [], swap)
    assert clusters_in(tmp_path) == ["old.1", "new.2"]
    feed.drop_old("two", [NEW])
    assert clusters_in(tmp_path) == ["new.2"]


async def test_when_envoy_does_not_take_the_clusters_nothing_else_changes(tmp_path: Path) -> None:
    feed = fed(tmp_path)
    swapped = []

    async def swap() -> None:
        swapped.append(True)

    with pytest.raises(EnvoyFailed, match="the new clusters"):
        await feed.change(DeafEnvoy(tmp_path, []), "two", [], [NEW], [], swap, patience=0.05)
    assert not swapped
    assert json.loads((tmp_path / "rds.json").read_text())["resources"] == [{"r": 1}]


async def test_listeners_are_left_alone_when_they_are_the_same(tmp_path: Path) -> None:
    feed = fed(tmp_path)
    before = (tmp_path / "lds.json").read_text()

    async def swap() -> None:
        return None

    await feed.change(WatchingEnvoy(tmp_path, []), "two", [{"l": 1}], [NEW], [], swap)
    assert (tmp_path / "lds.json").read_text() == before


def test_secret_files_are_readable_by_the_owner_alone_and_only_written_when_they_change(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    path = tmp_path / "a.1.yaml"
    feed.write_secrets({str(path): "one"})
    assert path.stat().st_mode & 0o777 == 0o600
    inode = path.stat().st_ino
    feed.write_secrets({str(path): "one"})
    assert path.stat().st_ino == inode
    feed.write_secrets({str(path): "two"})
    assert path.read_text() == "two"
