"""Streams without a meaning: a transport must not need one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short, because a socket's path holds 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="x", dir="/tmp") as made:
        yield Path(made)
