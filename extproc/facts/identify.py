"""Who sent a request: by the gateway's keys, by the client's certificate, or by where it comes from.

Law: a key is compared by its SHA-256 in a dict, so time tells nothing of it; it is never kept, shown or passed on. What
a caller sends beside what it is known by, or where the gateway knows nobody, is the caller's own credential: only a
provider with `credential: caller` gets it.

A key says who this request is from, a certificate whose connection it came by. So a caller's key goes before the
certificate; a caller that is written with both is known by neither alone; and a key that is nobody's, beside a
certificate that is somebody's, is that caller's own: SDKs always send one.
"""

import functools
import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from extproc import names
from extproc.dialects.openai.realtime import keys_in
from extproc.facts.peer import Peer, fits
from extproc.facts.request import CallerFacts
from extproc.protocol.events import Headers
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Caller, Snapshot

KEY_HEADERS: Final = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
_LONGEST_KEY: Final = 8192
_NO_CERTIFICATE: Final = (
    "The connection shows no client certificate that this gateway has checked. Connect anew, with one."
)


@dataclass(frozen=True, slots=True)
class Identified:
    caller: CallerFacts
    credential: str | None = field(default=None, repr=False)  # the caller's own, without `Bearer`


def identify(
    headers: Headers, source_address: str | None, snapshot: Snapshot, peer: Peer | None = None
) -> Identified | Refusal:
    """`peer` is who the client's certificate says it is; None where none was shown."""
    sent = _keys(headers)
    if not snapshot.callers:
        if snapshot.clients_show_certificates and peer is None and not snapshot.open:
            return Refusal(Reason.INVALID_API_KEY, _NO_CERTIFICATE)
        if not snapshot.open and peer is None and not _is_local(source_address):
            return Refusal(
                Reason.CALLER_NOT_LOCAL,
                "Only callers on this machine are served, because no `callers` are configured.",
            )
        return _stranger(sent)
    known = _known(_Same(snapshot.callers))
    owners = [known.by_key.get(_digest(key)) for key in sent]
    caller = next((owner for owner in owners if owner is not None), None)
    if caller is not None and caller.certificate and not _shows(caller, peer):
        return Refusal(Reason.INVALID_API_KEY, "The gateway's key goes only with its caller's client certificate.")
    if caller is None and peer is not None:
        caller = next((one for one in known.by_certificate if _shows(one, peer)), None)
    if caller is None:
        return _stranger(sent) if snapshot.open else _unknown(sent, known, peer)
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


def _shows(caller: Caller, peer: Peer | None) -> bool:
    return peer is not None and any(fits(pattern, peer) for pattern in caller.certificate)


def _unknown(sent: list[str], known: "_Known", peer: Peer | None) -> Refusal:
    if known.by_key or not known.by_certificate:
        why = "is not known" if sent else "is missing"
        how = "Send it as `Authorization: Bearer`, x-api-key, api-key or x-goog-api-key."
        return Refusal(Reason.INVALID_API_KEY, f"The gateway's key {why}. {how}")
    why = "Its client certificate is no caller's." if peer is not None else _NO_CERTIFICATE
    return Refusal(Reason.INVALID_API_KEY, why)


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


@dataclass(frozen=True, slots=True)
class _Known:
    by_key: Mapping[str, Caller]
    by_certificate: tuple[Caller, ...]  # alone, without a key, in the order of the file


@functools.lru_cache(maxsize=8)
def _known(same: _Same) -> _Known:
    keyed = {caller.key_sha256.lower(): caller for caller in reversed(same.callers) if caller.key_sha256 is not None}
    return _Known(keyed, tuple(one for one in same.callers if one.key_sha256 is None and one.certificate))


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
