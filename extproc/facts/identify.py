"""Who sent a request: by the gateway's keys, or by where it comes from.

Law: a key is compared by its SHA-256 in a dict, so time tells nothing of it; it is never kept, shown or passed on. What
a caller sends beside the gateway's key, or where the gateway has no keys, is the caller's own credential: only a
provider with `credential: caller` gets it.
"""

import functools
import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from extproc import names
from extproc.dialects.openai.realtime import keys_in
from extproc.facts.request import CallerFacts
from extproc.protocol.events import Headers
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Caller, Snapshot

KEY_HEADERS: Final = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
_LONGEST_KEY: Final = 8192


@dataclass(frozen=True, slots=True)
class Identified:
    caller: CallerFacts
    credential: str | None = field(default=None, repr=False)  # the caller's own, without `Bearer`


def identify(headers: Headers, source_address: str | None, snapshot: Snapshot) -> Identified | Refusal:
    sent = _keys(headers)
    if not snapshot.callers:
        if not snapshot.open and not _is_local(source_address):
            return Refusal(
                Reason.CALLER_NOT_LOCAL,
                "Only callers on this machine are served, because no `callers` are configured.",
            )
        return _stranger(sent)
    known = _digests(_Same(snapshot.callers))
    owners = [known.get(_digest(key)) for key in sent]
    caller = next((owner for owner in owners if owner is not None), None)
    if caller is None:
        if snapshot.open:
            return _stranger(sent)
        why = "is not known" if sent else "is missing"
        return Refusal(
            Reason.INVALID_API_KEY,
            f"The gateway's key {why}. Send it as `Authorization: Bearer`, x-api-key, api-key or x-goog-api-key.",
        )
    own = next((key for key, owner in zip(sent, owners, strict=True) if owner is None), None)
    facts = CallerFacts(
        name=caller.name,
        labels=caller.labels,
        models=caller.models,
        providers=caller.providers,
        own_credential=own is not None,
        strategy=caller.strategy,
    )
    return Identified(facts, own)


def _stranger(sent: list[str]) -> Identified:
    own = sent[0] if sent else None
    return Identified(CallerFacts(own_credential=own is not None), own)


def _keys(headers: Headers) -> list[str]:
    """Of every line that may hold one, in the order of KEY_HEADERS; behind them those that a browser sends."""
    found: list[str] = []
    for name in KEY_HEADERS:
        for header, value in headers.pairs:
            if header == name and len(value) <= _LONGEST_KEY:
                key = _bearer(value) if name == "authorization" else _text(value.strip())
                if key:
                    found.append(key)
    return found + _subprotocol_keys(headers)


def _subprotocol_keys(headers: Headers) -> list[str]:
    """Browsers can give a WebSocket no header but this one."""
    lines = (value for name, value in headers.pairs if name == names.SUBPROTOCOLS and len(value) <= _LONGEST_KEY)
    return [key for line in lines if (text := _text(line)) is not None for key in keys_in(text) if key]


def _bearer(value: bytes) -> str | None:
    scheme, _, key = value.strip().partition(b" ")
    return _text(key.strip()) if scheme.lower() == b"bearer" else None


def _text(key: bytes) -> str | None:
    """A key that is no printable ASCII is no key: it could not be sent on as it came."""
    text = key.decode("latin-1")
    return text if text.isascii() and text.isprintable() else None


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class _Same:
    """Callers of one snapshot, compared by identity: the index is built once for each configuration."""

    __slots__ = ("callers",)

    def __init__(self, callers: tuple[Caller, ...]) -> None:
        self.callers = callers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.callers is self.callers

    def __hash__(self) -> int:
        return id(self.callers)


@functools.lru_cache(maxsize=8)
def _digests(same: _Same) -> Mapping[str, Caller]:
    return {caller.key_sha256.lower(): caller for caller in reversed(same.callers)}


def _is_local(address: str | None) -> bool:
    """Loopback, or no network address at all: a Unix socket."""
    if not address or address.startswith(("/", "@", "unix:")):
        return True
    host = address[1:].partition("]")[0] if address.startswith("[") else address
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)
