"""Where one run of the gateway lives on this machine: a private, short-named directory, and the addresses in it.

Law: everything a run writes is in this directory (0700, because credentials are there), and it goes away with the run.
Names are short because a Unix socket's path may not be longer than about 100 bytes.
"""

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunDirectory:
    root: Path

    @property
    def xds(self) -> Path:
        return self.root / "xds"

    @property
    def secrets(self) -> Path:
        return self.root / "s"

    @property
    def keys(self) -> Path:
        """The secrets that the processor itself uses, a file for each."""
        return self.root / "k"

    @property
    def demo(self) -> Path:
        return self.root / "demo"

    @property
    def envoy_admin(self) -> Path:
        return self.root / "envoy.sock"

    @property
    def bootstrap(self) -> Path:
        return self.root / "bootstrap.json"

    @property
    def snapshot(self) -> Path:
        return self.root / "snapshot"

    @property
    def siblings(self) -> Path:
        """Where workers find each other, and leave what they had counted."""
        return self.root / "w"

    def processor(self, index: int) -> Path:
        return self.root / f"p{index}.sock"

    def processor_admin(self, name: str) -> Path:
        return self.root / name

    def remove(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)


def new_run_directory() -> RunDirectory:
    """A fresh directory; those that runs left behind when they were killed are swept first."""
    base = Path(tempfile.gettempdir())
    sweep(base)
    root = Path(tempfile.mkdtemp(prefix=f"extproc-{os.getpid()}-", dir=base))
    run = RunDirectory(root)
    for directory in (run.xds, run.secrets, run.keys, run.demo, run.siblings):
        directory.mkdir(mode=0o700)
    return run


def sweep(base: Path) -> None:
    """Removes run directories of ours whose process is gone (it was killed and could not tidy up)."""
    for left in base.glob("extproc-*-*"):
        owner = left.name.split("-")[1]
        with contextlib.suppress(OSError):
            if owner.isdigit() and left.stat().st_uid == os.getuid() and not _alive(int(owner)):
                shutil.rmtree(left, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
