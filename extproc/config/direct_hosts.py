"""`no_proxy`: hosts that are reached directly although there is a proxy.

Law: what other programs mean by the same list. A name stands for itself and all below it, `.name` and `*.name` only for
what is below, and addresses and networks for addresses that are written as such: nothing is looked up. This machine is
always reached directly.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

_NAME = re.compile(r"^(\*?\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$")
_PORT = re.compile(r"^(?P<host>\[[^\]]+\]|[^:]+):(?P<port>[0-9]{1,5})$")
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class NotAHost(ValueError):
    """What is wrong with an entry, in words for the operator."""


@dataclass(frozen=True, slots=True)
class _Direct:
    everything: bool = False
    name: str = ""  # with a leading dot: only what is below it
    network: _Network | None = None
    port: int | None = None

    def holds(self, host: str, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.everything:
            return True
        if self.network is not None:
            address = _address(host)
            return address is not None and address.version == self.network.version and address in self.network
        below = self.name if self.name.startswith(".") else f".{self.name}"
        return host == self.name or host.endswith(below)


@dataclass(frozen=True, slots=True)
class DirectHosts:
    entries: tuple[_Direct, ...] = ()

    def hold(self, host: str, port: int) -> bool:
        return _is_this_machine(host) or any(entry.holds(host, port) for entry in self.entries)


def split_entries(written: Sequence[str]) -> list[str]:
    """An entry may be a whole list, as the environment writes it: with commas, or spaces."""
    return [entry for text in written for entry in re.split(r"[,\s]+", text) if entry]


def parse_entry(text: str) -> _Direct:
    """Raises NotAHost."""
    entry, port = text.strip().lower(), None
    if entry == "*":
        return _Direct(everything=True)
    found = _PORT.match(entry)
    if found is not None:
        entry, port = found["host"], int(found["port"])
        if not 1 <= port <= 65535:
            raise NotAHost("holds a port that is not between 1 and 65535")
    network = _network(entry)
    if network is not None:
        return _Direct(network=network, port=port)
    entry = entry.rstrip(".")
    if not _NAME.match(entry) or re.fullmatch(r"[0-9.]+", entry):
        raise NotAHost("must be a name, `.example.com` for all below it, an address or a network")
    return _Direct(name=entry.removeprefix("*"), port=port)


def _network(text: str) -> _Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_this_machine(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    return host == "localhost" or host.endswith(".localhost")
