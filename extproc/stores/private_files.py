"""Files that are ours alone and never half written.

Law: whoever reads one sees all of the old or all of the new, also who follows it; nobody else on the machine sees any,
unless it is written for the owner's group too.
"""

import os
from pathlib import Path
from typing import Final

OWNER: Final = 0o600
GROUP_TOO: Final = 0o640


def replace(path: Path, contents: str | bytes, mode: int = OWNER) -> None:
    """Writes the whole file under another name and moves it into place."""
    staged = path.with_name(f".{path.name}.new")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER)
    os.fchmod(descriptor, mode)  # what the process may mask must not hide it from who is to read it
    with os.fdopen(descriptor, "wb") as file:
        file.write(contents.encode() if isinstance(contents, str) else contents)
    os.replace(staged, path)
