"""What systemd is told of us, by the protocol of sd_notify: ready, ending, alive.

Law: nothing is told where nobody asked (no NOTIFY_SOCKET), and whoever asked and does not listen is no failure of ours.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Mapping

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"


class InitSystem:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        period = environment.get("WATCHDOG_USEC", "")
        meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._pause = int(period) / 2_000_000 if period.isdecimal() and meant else 0.0  # twice as often as it asks

    def tell(self, *words: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendto("\n".join(words).encode(), address)

    async def watch(self, is_alive: Callable[[], Awaitable[bool]]) -> None:
        """Says that we live for as long as we do; never returns. Who stops saying it is started anew."""
        if not self._pause or not self._address:
            await asyncio.Event().wait()
        while True:
            if await is_alive():
                self.tell(ALIVE)
            await asyncio.sleep(self._pause)
