"""Why a probe had no answer, in words for people.

Law: said is what kind of failure it was and never what a peer sent: its words may be anything.
"""

import socket
import ssl
from typing import Final

import httpx

_DEEPEST: Final = 10  # causes of causes


class Unanswered(Exception):
    """The probe got no answer that can be read; the text says why."""


class NotAsked(Unanswered):
    """The probe could not be sent for a reason of our own, so it tells nothing of who would have been asked."""


def words_of(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate does not hold: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            reason = (cause.reason or "handshake failed").lower().replace("_", " ")
            return f"TLS failed: {reason}"
        if isinstance(cause, socket.gaierror):
            return "its host has no address"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        if isinstance(cause, (ConnectionResetError, BrokenPipeError)):
            return "connection reset"
        if isinstance(cause, FileNotFoundError):
            return "its socket does not exist"
    if isinstance(error, httpx.ProxyError):
        status = str(error)[:3]
        return f"it answers {status}" if status.isdigit() else "no tunnel"
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    if isinstance(error, httpx.RemoteProtocolError):
        return "its answer is no HTTP, or breaks off"
    return "connection broken" if isinstance(error, httpx.TransportError) else "the probe could not be sent"


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and len(found) < _DEEPEST:
        found.append(at)
        at = at.__cause__ or at.__context__
    return found
