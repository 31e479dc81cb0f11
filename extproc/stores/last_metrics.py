"""What a processor had counted when it ended, for whoever adds up the counters of all that ever ran.

Law: a help, never a need. A file that cannot be written or read is as if there were none.
"""

import contextlib
from pathlib import Path

from extproc.stores.private_files import replace


def leave_last_metrics(directory: Path, pid: int, text: bytes) -> None:
    with contextlib.suppress(OSError):
        replace(_file(directory, pid), text)


def take_last_metrics(directory: Path, pid: int) -> str:
    """And the file is gone. Empty: it left none."""
    file = _file(directory, pid)
    try:
        text = file.read_text()
    except (OSError, ValueError):
        return ""
    file.unlink(missing_ok=True)
    return text


def _file(directory: Path, pid: int) -> Path:
    return directory / f"{pid}.metrics"
