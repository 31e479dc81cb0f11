"""SIGHUP: the workers are renewed, one after the other. Unless it says that the terminal is gone.

Law: whoever closes the terminal that a program was started in ends the program, as without us; one that was told to
outlive it (nohup) does, renewed at most. Everywhere else nobody has a terminal, and SIGHUP means one thing.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

from extproc.dataplane.worker import ProcessorFailed

_log = logging.getLogger("extproc")


def on_hangup(renew: Callable[[], object], end: Callable[[], object]) -> None:
    """Called on the running loop."""
    outlives = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    had_terminal = _has_terminal()

    def hear() -> None:
        if outlives or not had_terminal or _has_terminal():
            renew()
        else:
            end()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hear)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


@contextlib.asynccontextmanager
async def renewing(asked: asyncio.Event, replace: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """As long as it is entered. Whoever is just being started when it is left is ended."""
    task = asyncio.ensure_future(renew_at_each(asked, replace))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def renew_at_each(asked: asyncio.Event, replace: Callable[[], Awaitable[None]]) -> None:
    """Until it is cancelled. Who asks again while it is done is heard afterwards, once."""
    while True:
        await asked.wait()
        asked.clear()
        _log.info("the workers are renewed, one after the other")
        try:
            await replace()
            _log.info("the workers are new")
        except ProcessorFailed as error:
            _log.error("the workers could not be renewed, and who was not serves on: %s", error)
