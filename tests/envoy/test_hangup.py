"""SIGHUP renews workers; a terminal that is gone ends the gateway that was started in it."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.envoy.gateway import START_PATIENCE
from tests.envoy.processes import eventually, is_alive

# Listens as `up` does, without what that starts: says what it heard.
LISTENS = """
import asyncio, os, sys
from extproc.app.hangup import on_hangup
async def main():
    ending = asyncio.Event()
    told = lambda word: os.write(int(sys.argv[1]), word)
    on_hangup(lambda: told(b"renew "), lambda: (told(b"end "), ending.set()))
    told(b"ready ")
    await ending.wait()
asyncio.run(main())
"""


def _own_terminal() -> None:
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _outlives() -> None:
    _own_terminal()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


class Listening:
    def __init__(self, terminal: bool, prepare: Callable[[], None]) -> None:
        self.read, write = os.pipe()
        os.set_blocking(self.read, False)
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", LISTENS, str(write)],
            stdin=theirs if terminal else subprocess.DEVNULL,
            pass_fds=(write,),
            preexec_fn=prepare,
        )
        os.close(write)
        os.close(theirs)
        self.heard = ""
        eventually(lambda: "ready" in self.said(), "a listener", START_PATIENCE)

    def said(self) -> str:
        with contextlib.suppress(BlockingIOError):
            self.heard += os.read(self.read, 1000).decode()
        return self.heard

    def end(self) -> None:
        self.process.kill()
        self.process.wait(5)
        os.close(self.read)


@pytest.mark.parametrize("terminal", [False, True])
def test_the_signal_renews(terminal: bool) -> None:
    listening = Listening(terminal, _own_terminal if terminal else os.setsid)
    listening.process.send_signal(signal.SIGHUP)
    eventually(lambda: "renew" in listening.said(), "what it heard")
    assert is_alive(listening.process.pid)
    listening.end()
    os.close(listening.ours)


def test_a_terminal_that_is_gone_ends_it() -> None:
    listening = Listening(True, _own_terminal)
    os.close(listening.ours)
    eventually(lambda: "end" in listening.said(), "what it heard")
    assert listening.process.wait(10) == 0 and "renew" not in listening.heard
    listening.end()


def test_one_that_is_to_outlive_its_terminal_does() -> None:
    """As under nohup; and it can still be renewed where it has none any more."""
    listening = Listening(True, _outlives)
    os.close(listening.ours)
    with pytest.raises(AssertionError):
        eventually(lambda: not is_alive(listening.process.pid), "an end", 0.5)
    assert "end" not in listening.said()
    listening.end()
