"""Addresses: `http://`, `https://` and `unix:///path`, as origins of a pool or as the base URL that an SDK is given."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal, cast

from extproc.snapshot import Endpoint

_FORM = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>[?#].*)?$")
_HOST = re.compile(
    r"^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$"
)
_PATH = re.compile(r"^[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$")


class NotAnAddress(ValueError):
    """What is wrong with an address, in words for the operator."""


@dataclass(frozen=True, slots=True)
class Address:
    endpoint: Endpoint
    path: str  # without a trailing slash


def parse_address(text: str) -> Address:
    found = _FORM.match(text)
    if found is None:
        raise NotAnAddress("must be an address: http://host:port, https://host or unix:///path")
    scheme = found["scheme"].lower()
    if scheme == "unix":
        return _socket(found["authority"], found["path"], bool(found["rest"]))
    if scheme not in ("http", "https"):
        raise NotAnAddress("must begin with http://, https:// or unix:///")
    if found["rest"]:
        raise NotAnAddress("must hold no query and no fragment")
    if "@" in found["authority"]:
        raise NotAnAddress("must hold no user or password: write it as `credential`")
    if not _PATH.match(found["path"]):
        raise NotAnAddress("holds a character that cannot stand in a path")
    host, port = _host_and_port(found["authority"], 443 if scheme == "https" else 80)
    return Address(Endpoint(cast(Literal["http", "https"], scheme), host, port), found["path"].rstrip("/"))


def parse_origin(text: str) -> Endpoint:
    """An address that may say nothing but where to connect."""
    address = parse_address(text)
    if address.path:
        raise NotAnAddress("must be an origin, without a path")
    return address.endpoint


def parse_proxy(text: str) -> tuple[str, int, str | None]:
    """A proxy's host and port, and the `user:password` that stands before them, as it is written.

    Other programs take one without `http://` too, and whoever hands their variable on means the same.
    """
    found = _FORM.match(text if "://" in text else f"http://{text}")
    if found is None:
        raise NotAnAddress("must be the address of a proxy")
    if found["scheme"].lower() != "http":
        raise NotAnAddress("must begin with http://: other ways to speak to a proxy are not known")
    if found["path"].strip("/") or found["rest"]:
        raise NotAnAddress("must be an origin, without a path; what stands for itself in a password is percent-encoded")
    user, at, authority = found["authority"].rpartition("@")
    host, port = _host_and_port(authority, 80)
    return host, port, user if at and user.strip(":") else None


def _socket(authority: str, path: str, rest: bool) -> Address:
    if authority or not path.strip("/") or rest:
        raise NotAnAddress("must be unix:///path: three slashes, then the path of the socket")
    if len(path.encode()) > 107:
        raise NotAnAddress("is longer than the 107 bytes that a socket's path may have")
    return Address(Endpoint("unix", path, 0), "")


def _host_and_port(authority: str, default: int) -> tuple[str, int]:
    if authority.startswith("["):
        inside, closed, after = authority[1:].partition("]")
        if not closed or (after and not after.startswith(":")):
            raise NotAnAddress("holds an IPv6 address that is not closed: write [::1]:8080")
        try:
            host = str(ipaddress.IPv6Address(inside))
        except ValueError:
            raise NotAnAddress("holds something in brackets that is no IPv6 address") from None
        return host, _port(after[1:], default) if after else default
    host, colon, port = authority.partition(":")
    if ":" in port:
        raise NotAnAddress("holds an IPv6 address without brackets: write [::1]:8080")
    if not _HOST.match(host):
        raise NotAnAddress("holds no host name" if not host else "holds a host name that cannot be one")
    return host.lower(), _port(port, default) if colon else default


def _port(text: str, default: int) -> int:
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise NotAnAddress("holds a port that is not between 1 and 65535")
    return int(text)
