"""Messages between the workers of one machine: each tells all of its siblings, over Unix sockets in one directory.

Law: telling never waits. What is told within a hundredth of a second goes out together, because each wake-up of a
sibling costs more than what it is told; what may not wait goes out at once, and before it all that was said. A sibling
whose buffer is full does not hear it, which is counted and hurts nobody else. A connection carries one direction, from
the one who made it: who hears a sibling for the first time connects back. Messages of one sibling come in their order.
A sibling is gone when its connection ends.

  frame = length (4 bytes, of what follows) + kind (1 byte) + the message
"""

import asyncio
import logging
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

ROOM: Final = 8 * 1024 * 1024  # bytes on their way to one sibling; about as many seconds' worth of a busy gateway's
TOGETHER: Final = 0.01  # seconds for which what is told waits for more
LARGEST: Final = 128 * 1024 * 1024  # of one message; whoever announces more is no sibling
HELLO: Final = 0  # the kind of the first message of each connection: who speaks
_HEAD: Final = struct.Struct(">IB")
_log = logging.getLogger("extproc")

Heard = Callable[[str, int, bytes], None]  # who, kind, message


class Relay:
    def __init__(self, directory: Path, heard: Heard, left: Callable[[str], None], lost: Callable[[int], None]) -> None:
        """`heard` is told the first message of a sibling too, its hello. `lost`: so many messages found no room."""
        self._directory = directory
        self._heard = heard
        self._left = left
        self._lost = lost
        self.name = f"{os.getpid()}.sock"
        self.hello = b""
        self._server: asyncio.Server | None = None
        self._out: dict[str, asyncio.Transport] = {}
        self._connecting: set[str] = set()
        self._in: set[_Hearing] = set()
        self._waiting: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def alone(self) -> bool:
        return not self._out

    @property
    def siblings(self) -> list[str]:
        return list(self._out)

    # --- life --------------------------------------------------------------------------------------------------------

    async def start(self, hello: bytes) -> None:
        """Listens, then connects to all that are there: of two that start at once the later one finds the other."""
        self.hello = hello
        hidden = self._directory / f".{self.name}"
        hidden.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Hearing(self), hidden, backlog=128)
        hidden.rename(self._directory / self.name)
        names = [path.name for path in self._directory.glob("[0-9]*.sock") if path.name != self.name]
        await asyncio.gather(*(self._connect(name) for name in names))

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        self._flush()
        for transport in (*self._out.values(), *(hearing.transport for hearing in self._in)):
            transport.close()
        (self._directory / self.name).unlink(missing_ok=True)
        if self._server is not None:
            self._server.close()
        await asyncio.sleep(0)  # the transports' last turn

    # --- telling -----------------------------------------------------------------------------------------------------

    def tell(self, kind: int, message: bytes, *, at_once: bool = False) -> None:
        """All siblings that are here now."""
        if not self._out:
            return
        if not self._waiting:
            asyncio.get_running_loop().call_later(TOGETHER, self._flush)
        self._waiting.append(_framed(kind, message))
        if at_once:
            self._flush()

    def tell_one(self, name: str, kind: int, message: bytes) -> None:
        self._flush()  # what was said before comes before
        transport = self._out.get(name)
        if transport is not None:
            self._write(transport, _framed(kind, message), 1)

    def _flush(self) -> None:
        if not self._waiting:
            return
        together, count = b"".join(self._waiting), len(self._waiting)
        self._waiting.clear()
        for transport in self._out.values():
            self._write(transport, together, count)

    def _write(self, transport: asyncio.Transport, data: bytes, count: int) -> None:
        if transport.get_write_buffer_size() + len(data) > max(ROOM, len(data)):
            self._lost(count)
        else:
            transport.write(data)

    # --- who is here -------------------------------------------------------------------------------------------------

    async def _connect(self, name: str) -> None:
        if name in self._out or name in self._connecting:
            return
        self._connecting.add(name)
        try:
            made, _ = await asyncio.get_running_loop().create_unix_connection(
                lambda: _Telling(lambda: self._unheard(name)), str(self._directory / name)
            )
        except OSError:
            return  # a file that a dead one left
        finally:
            self._connecting.discard(name)
        made.write(_framed(HELLO, self.name.encode() + b"\0" + self.hello))
        self._out[name] = made

    def _unheard(self, name: str) -> None:
        self._out.pop(name, None)

    def came(self, hearing: "_Hearing") -> None:
        self._in.add(hearing)

    def introduced(self, name: str, hello: bytes) -> None:
        self._heard(name, HELLO, hello)
        if name not in self._out:
            task = asyncio.ensure_future(self._connect(name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def heard(self, name: str, kind: int, message: bytes) -> None:
        self._heard(name, kind, message)

    def ended(self, hearing: "_Hearing") -> None:
        self._in.discard(hearing)
        if hearing.name:
            if (transport := self._out.pop(hearing.name, None)) is not None:
                transport.close()
            self._left(hearing.name)


class _Hearing(asyncio.Protocol):
    """One sibling, heard."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._rest = bytearray()
        self.name = ""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._relay.came(self)

    def data_received(self, data: bytes) -> None:
        rest = self._rest
        rest += data
        at = 0
        while len(rest) - at >= _HEAD.size:
            length, kind = _HEAD.unpack_from(rest, at)
            if length > LARGEST or (kind == HELLO) == bool(self.name):
                _log.error("a sibling speaks another language; it is not heard any more")
                self.transport.close()
                return
            end = at + _HEAD.size + length
            if end > len(rest):
                break
            self._take(kind, bytes(rest[at + _HEAD.size : end]))
            at = end
        del rest[:at]

    def _take(self, kind: int, message: bytes) -> None:
        if kind == HELLO:
            name, _, hello = message.partition(b"\0")
            self.name = name.decode()
            self._relay.introduced(self.name, hello)
        else:
            self._relay.heard(self.name, kind, message)

    def connection_lost(self, error: Exception | None) -> None:
        self._relay.ended(self)


class _Telling(asyncio.Protocol):
    """The other end never says anything here; its end is all there is to notice."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def connection_lost(self, error: Exception | None) -> None:
        self._ended()


def _framed(kind: int, message: bytes) -> bytes:
    return _HEAD.pack(len(message), kind) + message
