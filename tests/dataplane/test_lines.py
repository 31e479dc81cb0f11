"""Lines of two writers come whole out of one pipe, however much one of them writes at a time."""

import os
import threading
from pathlib import Path

from extproc.dataplane.lines import TAKEN_AT_ONCE, inlet, pieces


def test_lines_are_written_whole_beside_those_of_others() -> None:
    source, out = os.pipe()
    sink = inlet(out)
    assert sink is not None
    mine, theirs = b"m" * 150 + b"\n", b"t" * 300 + b"\n"

    def envoy() -> None:
        for _ in range(50):
            os.write(sink, mine * 430)  # 64 KiB: more than the pipe takes at once
        os.close(sink)

    def processor() -> None:
        for _ in range(5_000):
            os.write(out, theirs)

    writers = [threading.Thread(target=envoy), threading.Thread(target=processor)]
    for writer in writers:
        writer.start()
    wanted = 50 * 430 * len(mine) + 5_000 * len(theirs)
    read = b""
    while len(read) < wanted:
        read += os.read(source, 1000)
    for writer in writers:
        writer.join()
    lines = read.splitlines(keepends=True)
    assert (lines.count(mine), lines.count(theirs), len(lines)) == (50 * 430, 5_000, 50 * 430 + 5_000)
    os.close(source)
    os.close(out)


def test_pieces_are_whole_lines_and_nothing_is_lost() -> None:
    text = b"a\n" * TAKEN_AT_ONCE + b"b" * (2 * TAKEN_AT_ONCE) + b"\nc\n\n"
    found = list(pieces(text))
    assert b"".join(found) == text and all(piece.endswith(b"\n") for piece in found)
    assert [piece for piece in found if len(piece) > TAKEN_AT_ONCE] == [b"b" * (2 * TAKEN_AT_ONCE) + b"\n"]


def test_a_reader_that_is_gone_holds_nobody_up() -> None:
    source, out = os.pipe()
    sink = inlet(out)
    assert sink is not None
    os.close(source)
    for _ in range(20):
        os.write(sink, b"x" * 60_000 + b"\n")
    os.close(sink)
    os.close(out)


def test_a_file_is_written_by_envoy_itself(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        assert inlet(file.fileno()) is None
