"""Who a client's certificate says it is, and the patterns by which callers are known.

Law: names are read out of the certificate itself. Envoy's own lists of them (its attributes tell the first of each kind
only, `x-forwarded-client-cert` writes a name that holds `;DNS=` as if it were two) would let a certificate name others.
A pattern is of one kind, which its own form tells, so that no URI can pass for a host.
"""

import functools
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote

from extproc.facts import globs

Kind = Literal["any", "uri", "subject", "email", "dns"]
ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Peer:
    """The names in one certificate that the client has shown and Envoy has checked."""

    names: frozenset[tuple[Kind, str]] = frozenset()


UNNAMED: Final = Peer()  # a certificate was shown, and nobody needs to know whose


def kind_of(text: str) -> Kind:
    """Of a pattern, or of a name as people write it."""
    if text == ANY:
        return "any"
    scheme, colon, _ = text.partition(":")
    if colon and "=" not in scheme and "@" not in scheme:
        return "uri"
    if "=" in text:
        return "subject"
    return "email" if "@" in text else "dns"


def comparable(kind: Kind, text: str) -> str:
    """Hosts do not mind the case of letters, nor does what stands behind the @."""
    if kind == "dns":
        return text.lower().removesuffix(".")
    if kind == "email":
        local, at, host = text.rpartition("@")
        return local + at + host.lower()
    return text


def named(texts: Iterable[str]) -> Peer:
    """One that bears these names, each of the kind that its form tells."""
    return Peer(frozenset((kind, comparable(kind, text)) for text in texts for kind in [kind_of(text)]))


def fits(pattern: str, peer: Peer) -> bool:
    kind = kind_of(pattern)
    if kind == "any":
        return True
    glob = comparable(kind, pattern)
    return any(glob == name or globs.matches(glob, name) for of, name in peer.names if of == kind)


def is_covered(pattern: str, by: str) -> bool:
    """Whether all that fits the one fits the other too."""
    if by == ANY:
        return True
    kind = kind_of(pattern)
    return kind == kind_of(by) and globs.matches(comparable(kind, by), comparable(kind, pattern))


@functools.lru_cache(maxsize=1024)
def read_peer(written: str, digest: str) -> Peer | None:
    """Of a certificate in PEM, its signs escaped as in a URL. The digest is what Envoy says of the connection, which
    nobody can send: a certificate that it is not of is somebody's invention."""
    from cryptography import x509  # here, because most processors never see one
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        certificate = x509.load_pem_x509_certificate(unquote(written).encode())
    except ValueError:
        return None
    if hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest() != digest.lower():
        return None
    names: set[tuple[Kind, str]] = set()
    try:
        names.add(("subject", certificate.subject.rfc4514_string()))
        others = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return Peer(frozenset(names))  # of one that cannot be read further, nothing more is known
    kinds: tuple[tuple[Kind, type[x509.GeneralName]], ...] = (
        ("uri", x509.UniformResourceIdentifier),
        ("email", x509.RFC822Name),
        ("dns", x509.DNSName),
    )
    names |= {(kind, comparable(kind, str(one.value))) for one in others for kind, form in kinds if type(one) is form}
    return Peer(frozenset(names))
