"""Files that are ours alone and never half written.

Law: whoever reads one sees all of the old or all of the new, also who follows it; nobody else on the machine sees any.
"""

import os
from pathlib import Path


def replace(path: Path, contents: str | bytes) -> None:
    """Writes the whole file under another name and moves it into place."""
    staged = path.with_name(f".{path.name}.new")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(contents.encode() if isinstance(contents, str) else contents)
    os.replace(staged, path)
