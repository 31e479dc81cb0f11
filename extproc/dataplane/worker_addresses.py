"""Where each of several workers listens: an address for each, made of the one that was given.

Law: pure. With one worker the address is the one that was given; with more, none is, so that nobody mistakes one of
them for all. Two workers never share one: what would is a mistake that is told before anything starts.
"""

import os
from collections.abc import Sequence
from pathlib import PurePath
from typing import Final

_UNIX: Final = "unix:"
LONGEST_PATH: Final = 107  # bytes: sockaddr_un holds 108 with the final zero


class BadAddresses(Exception):
    """The workers cannot be given addresses; the text is one line for people."""


def worker_addresses(listen: Sequence[str], workers: int) -> list[list[str]]:
    """For each worker its own of each address: `x.sock` becomes `x.0.sock`, `x.1.sock`, a port the ones behind it."""
    addresses = [[_nth(address, number, workers) for address in listen] for number in range(workers)]
    seen: dict[str, str] = {}
    for of_worker in addresses:
        for given, address in zip(listen, of_worker, strict=True):
            if address in seen and workers > 1:
                both = " and ".join(sorted((f"--listen {seen[address]}", f"--listen {given}")))
                raise BadAddresses(
                    f"{both} both come to {address} with {workers} workers: leave as many ports between them"
                )
            seen[address] = given
    return addresses


def _nth(address: str, number: int, workers: int) -> str:
    if workers == 1:
        return address
    return _nth_path(address, number) if address.startswith(_UNIX) else _nth_port(address, number, workers)


def _nth_path(address: str, number: int) -> str:
    path = PurePath(address.removeprefix(_UNIX).removeprefix("//"))
    named = path.with_name(f"{path.stem}.{number}{path.suffix}")
    if len(os.fsencode(str(named))) > LONGEST_PATH:
        raise BadAddresses(f"--listen {address}: {named} is longer than the {LONGEST_PATH} bytes of a socket's path")
    return f"unix://{named}"


def _nth_port(address: str, number: int, workers: int) -> str:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        raise BadAddresses(f"--listen {address}: neither unix:///path nor host:port")
    if int(port) == 0:
        raise BadAddresses(f"--listen {address}: several workers need ports that Envoy can be told, not any free one")
    if int(port) + workers - 1 > 65535:
        raise BadAddresses(f"--listen {address}: {workers} workers need ports up to {int(port) + workers - 1}")
    return f"{host}:{int(port) + number}"
