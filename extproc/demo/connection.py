"""The connection under a request, for offences that no HTTP server commits by itself.

Law: only here are bytes written past the HTTP implementation, and only through the transport that uvicorn holds.
"""

import asyncio
import socket
import struct
from collections.abc import MutableMapping
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

_TRANSPORT: Final = "extproc.demo.transport"
_GARBAGE: Final = b"\x00\x01\x02 this is no HTTP \xff\xfe\r\n\r\n"


class DemoProtocol(H11Protocol):
    """uvicorn's own protocol, which lets the application see its transport in `scope["state"]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # uvicorn copies this state into the scope of every request of the connection.
        self.app_state = {**self.app_state, _TRANSPORT: transport}
        super().connection_made(transport)


def transport_of(scope: MutableMapping[str, Any]) -> asyncio.Transport:
    transport = scope.get("state", {}).get(_TRANSPORT)
    if not isinstance(transport, asyncio.Transport):
        raise RuntimeError("a fault needs the connection: serve the demo through server_for()")
    return transport


def reset(transport: asyncio.Transport) -> None:
    """Ends the connection at once: on TCP by RST, on a Unix socket by closing it."""
    under = transport.get_extra_info("socket")
    if under is not None and under.family != socket.AF_UNIX:
        # Lingering for zero seconds is how a close becomes a reset.
        under.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def cut(transport: asyncio.Transport) -> None:
    """Ends the connection after what was written has left, so that the peer sees how far it came."""
    transport.close()


def talk_garbage(transport: asyncio.Transport) -> None:
    transport.write(_GARBAGE)
    transport.close()
