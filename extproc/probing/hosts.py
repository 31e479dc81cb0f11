"""The addresses of an endpoint's host, looked up beside everything else.

Law: a look-up that hangs takes a thread of its own and none of those that requests are read on, and there is never more
than one for a host. Such a thread keeps nobody from ending.
"""

import asyncio
import contextlib
import socket
import threading
from typing import Final

from extproc.snapshot import is_ip

MOST_ADDRESSES: Final = 4  # that are tried


class HostNames:
    def __init__(self) -> None:
        self._asked: dict[str, asyncio.Future[tuple[str, ...]]] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """At least one. Raises OSError where it has none."""
        if is_ip(host):
            return (host,)
        asked = self._asked.get(host)
        if asked is None:
            asked = self._asked[host] = asyncio.get_running_loop().create_future()
            asked.add_done_callback(lambda done: self._answered(host, done))
            threading.Thread(target=_look_up, args=(host, asked), name="host name of a probe", daemon=True).start()
        return await asyncio.shield(asked)

    def _answered(self, host: str, asked: "asyncio.Future[tuple[str, ...]]") -> None:
        del self._asked[host]
        if not asked.cancelled():
            asked.exception()  # whoever asked may have gone


def _look_up(host: str, asked: "asyncio.Future[tuple[str, ...]]") -> None:
    """On a thread of its own."""
    found: tuple[str, ...] = ()
    error: Exception | None = None
    try:
        every = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        found = tuple(dict.fromkeys(str(one[4][0]) for one in every))[:MOST_ADDRESSES]
    except (OSError, UnicodeError) as failure:
        error = failure if isinstance(failure, OSError) else socket.gaierror("no name of a host")
    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
        asked.get_loop().call_soon_threadsafe(_tell, asked, found, error)


def _tell(asked: "asyncio.Future[tuple[str, ...]]", found: tuple[str, ...], error: Exception | None) -> None:
    if asked.done():
        return
    if error is not None or not found:
        asked.set_exception(error or socket.gaierror("no address"))
    else:
        asked.set_result(found)
