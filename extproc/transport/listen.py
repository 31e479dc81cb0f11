"""Where a server listens: addresses, and who owns a Unix socket's file.

Law: a socket file appears complete (bound elsewhere, with its mode, then renamed into place) and disappears only by the
hand that made it. A file that a dead process left is taken over; one that a live process answers on, and a port in
use, are errors in one line. Only who is told to take over takes a living one's place: from then on new connections
are his, and the other keeps those that it has.
"""

import errno
import os
import secrets
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

_LONGEST_PATH: Final = 107  # sockaddr_un holds 108 bytes with the final zero
_UNIX: Final = "unix:"
OWNER_ALONE: Final = 0o600


class ListenError(Exception):
    """Listening is not possible. The text is one line for the operator."""


def unix_path(address: str) -> Path | None:
    """The path of a `unix:///path` address, None for host:port."""
    if not address.startswith(_UNIX):
        return None
    return Path(address.removeprefix(_UNIX).removeprefix("//"))


class SocketFile:
    """One Unix socket's place in the file system."""

    def __init__(self, path: Path, mode: int = OWNER_ALONE, *, take_over: bool = False) -> None:
        self.path = path
        self._mode = mode
        self._take_over = take_over
        self._identity: tuple[int, int] | None = None
        self._nearby = path.with_name(f".{secrets.token_hex(3)}")

    def check(self) -> None:
        """Raise ListenError where the path cannot be ours."""
        if max(len(os.fsencode(self.path)), len(os.fsencode(self._nearby))) > _LONGEST_PATH:
            raise ListenError(f"{self.path}: a socket's path holds at most {_LONGEST_PATH} bytes")
        if not self.path.parent.is_dir():
            raise ListenError(f"{self.path}: no such directory")
        self._refuse_living()

    def claim(self, bind: Callable[[Path], None]) -> None:
        """Bind beside the path, then take the path over."""
        self.check()
        nearby = self._nearby
        bind(nearby)
        os.chmod(nearby, self._mode)
        found = os.stat(nearby)
        self._identity = (found.st_dev, found.st_ino)
        os.rename(nearby, self.path)

    def release(self) -> None:
        """Remove the file if it is still the one that we put there."""
        try:
            found = os.lstat(self.path)
        except FileNotFoundError:
            return
        if (found.st_dev, found.st_ino) == self._identity:
            self.path.unlink(missing_ok=True)

    def _refuse_living(self) -> None:
        try:
            mode = os.lstat(self.path).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise ListenError(f"{self.path}: exists and is no socket")
        if self._take_over:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(self.path))
            except (ConnectionRefusedError, FileNotFoundError):
                return  # nobody listens: left by a process that died
            except OSError as error:
                raise ListenError(f"{self.path}: {error.strerror or error}") from None
        raise ListenError(f"{self.path}: another process listens on it")


def check_port(address: str, *, shared: bool = False) -> list[str]:
    """The host's addresses that this machine has. Raise ListenError where host:port cannot be bound; gRPC's own words
    for it are many and go to stderr. `shared`: with whoever listens there already, if it lets us."""
    host, separator, port = address.rpartition(":")
    if not separator or not port.isdecimal() or int(port) > 65535:
        raise ListenError(f"{address}: neither unix:///path nor host:port")
    try:
        places = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise ListenError(f"{address}: {error.strerror}") from None
    errors, found = [], []
    for family, kind, protocol, _, place in places:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                probe.bind(place)
                if not shared:  # else we would be given connections that nobody answers
                    probe.listen(1)
                found.append(str(place[0]))
            except OSError as error:
                errors.append(error)
    absent = [error for error in errors if error.errno == errno.EADDRNOTAVAIL]
    if len(errors) > len(absent) or len(absent) == len(places):  # a name may well have an address that this host lacks
        worst = next((error for error in errors if error not in absent), errors[0])
        raise ListenError(f"{address}: {(worst.strerror or str(worst)).lower()}")
    return found
