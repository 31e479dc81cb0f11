"""Envoy's access log and the processor's lines in one stream, each line whole.

Law: Envoy writes up to 64 KiB at a time, and a pipe takes that in pieces with others' lines between them. So where our
output is a pipe or a socket, Envoy writes into one of its own, and what comes out is written on a few whole lines at a
time, which a pipe takes at once. A file takes every write at once, so Envoy has that itself.
"""

import atexit
import contextlib
import os
import select
import stat
import threading
from collections.abc import Iterator
from typing import Final

TAKEN_AT_ONCE: Final = getattr(select, "PIPE_BUF", 512)
_READ: Final = 1 << 16
_PATIENCE: Final = 5.0  # seconds at our own end, for a reader that is slow


def inlet(out: int = 1) -> int | None:
    """Where a child has to write for its lines to come to `out`; None: `out` itself will do. Close it when the child
    has it."""
    if _is_file(out):
        return None
    source, sink = os.pipe()
    thread = threading.Thread(target=_relay, args=(source, out), name="lines", daemon=True)
    thread.start()
    atexit.register(thread.join, _PATIENCE)
    return sink


def _is_file(out: int) -> bool:
    try:
        mode = os.fstat(out).st_mode
    except OSError:  # closed: there is nothing to be kept whole
        return True
    return not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def _relay(source: int, out: int) -> None:
    rest = b""
    try:
        while read := os.read(source, _READ):
            lines, end, rest = (rest + read).rpartition(b"\n")
            for piece in pieces(lines + end):
                _write(out, piece)
        _write(out, rest)
    finally:
        os.close(source)


def pieces(lines: bytes) -> Iterator[bytes]:
    """Whole lines, as many as are taken at once; a line that is longer is alone."""
    start = 0
    while start < len(lines):
        end = lines.rfind(b"\n", start, start + TAKEN_AT_ONCE) + 1
        if end == 0:
            end = (lines.find(b"\n", start) + 1) or len(lines)
        yield lines[start:end]
        start = end


def _write(out: int, data: bytes) -> None:
    """A reader that is gone is no reason to hold Envoy up: the lines are then nobody's."""
    with contextlib.suppress(OSError):
        while data:
            try:
                data = data[os.write(out, data) :]
            except BlockingIOError:  # somebody who shares it has made it so
                select.select([], [out], [])
