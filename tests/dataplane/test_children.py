"""Children end when they are told to, or are ended; they do not hear the terminal's signals."""

import asyncio
import os
import sys

from extproc.dataplane.children import start_child

STUBBORN = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


async def test_a_child_that_ignores_the_polite_word_is_killed() -> None:
    child = await start_child("stubborn", [sys.executable, "-c", STUBBORN], stdout=asyncio.subprocess.PIPE)
    assert child.process.stdout is not None
    await child.process.stdout.readline()
    await child.stop(0.1)
    assert child.process.returncode == -9


async def test_a_child_is_in_a_session_of_its_own() -> None:
    child = await start_child("quiet", [sys.executable, "-c", "input()"])
    assert os.getsid(child.pid) == child.pid
    await child.stop(5.0)
    assert not child.running


async def test_a_child_hears_of_our_end_by_its_standard_input() -> None:
    child = await start_child("reader", [sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(7)"])
    assert child.process.stdin is not None
    child.process.stdin.close()
    assert await child.process.wait() == 7
