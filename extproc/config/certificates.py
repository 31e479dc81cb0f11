"""Certificates and keys of TLS, on either side: what is in the files, whether Envoy will take it, how long it holds.

Law: what passes here Envoy takes, so that a new file that is wrong is refused while the old one is in force, and not
found out by handshakes that fail. No text quotes what a file holds; a private key leaves only for Envoy's own file.
"""

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.utils import CryptographyDeprecationWarning

SOON: Final = timedelta(days=14)  # what expires within this is told of
_CERTIFICATE: Final = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.*?-----END [A-Z0-9 ]+-----", re.S)
_REVOKED: Final = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.S)
_KEY: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----", re.S)
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_SMALLEST_RSA: Final = 2048
_KINDS: Final = "RSA keys of 2048 bits and more and ECDSA keys on P-256, P-384 and P-521 can be used"

Which = Literal["certificate", "key", "ca"]


class UnfitCertificate(Exception):
    """A certificate or key that cannot be used; `which` of the files it is."""

    def __init__(self, which: Which, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.which: Which = which
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its chain, and its key, as PEM and nothing else."""

    certificate: str
    key: str = field(repr=False)
    expires: datetime


@dataclass(frozen=True, slots=True)
class Authorities:
    """Certificates of CAs, and what they have revoked, as PEM and nothing else."""

    certificates: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class HeldCertificates:
    """What the TLS of one upstream, or of the listener, needs and no snapshot holds."""

    pair: Pair | None = None
    ca: Authorities | None = None


def read_pair(certificate: bytes, key: bytes, now: datetime) -> Pair:
    """Raises UnfitCertificate. The leaf stands first; a file may hold the certificate and the key together."""
    chain = _certificates(certificate, "certificate")
    private, text = _private_key(key)
    public = _public_bytes(private.public_key())
    if public != _public_bytes(chain[0].public_key()):
        if any(public == _public_bytes(other.public_key()) for other in chain[1:]):
            raise UnfitCertificate(
                "certificate", "the file begins with another certificate than the key's", "put the leaf first"
            )
        raise UnfitCertificate("key", "the key does not fit the certificate", "both change together")
    if chain[0].not_valid_before_utc > now:
        day = date_of(chain[0].not_valid_before_utc)
        raise UnfitCertificate("certificate", f"the certificate is not valid before {day}")
    expires = min(one.not_valid_after_utc for one in chain)
    if expires <= now:
        whose = "the certificate" if chain[0].not_valid_after_utc <= now else "a certificate of its chain"
        raise UnfitCertificate("certificate", f"{whose} expired on {date_of(expires)}", "put a new one there")
    return Pair(_pem(certificate), text, expires)


def read_authorities(data: bytes, now: datetime) -> Authorities:
    """Raises UnfitCertificate. One that has expired may stand beside others that have not."""
    chain = _certificates(data, "ca")
    expires = first_to_expire((one.not_valid_after_utc for one in chain), now)
    if expires <= now:
        raise UnfitCertificate("ca", f"the CA certificate expired on {date_of(expires)}", "put a new one there")
    return Authorities(_pem(data) + _revocations(data), expires)


def expiry_of(data: bytes, which: Which, now: datetime) -> datetime:
    """When what is in this file first fails to hold. Raises UnfitCertificate where it holds no certificates."""
    ends = [one.not_valid_after_utc for one in _certificates(data, which)]
    return first_to_expire(ends, now) if which == "ca" else min(ends)


def first_to_expire(ends: Iterable[datetime], now: datetime) -> datetime:
    """The next end: what a new CA has replaced and is over does not count, unless nothing else is there."""
    every = sorted(ends)
    return next((end for end in every if end > now), every[-1])


def date_of(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _revocations(data: bytes) -> str:
    lists = [found[0] for found in _REVOKED.finditer(data)]
    try:
        for one in lists:
            x509.load_pem_x509_crl(one)
    except ValueError:
        raise UnfitCertificate("ca", "the file holds a list of revocations that cannot be read") from None
    return "".join(f"{one.decode()}\n" for one in lists)


def _pem(data: bytes) -> str:
    """Only the certificates: a key in the same file goes nowhere with them."""
    return "".join(f"{found[0].decode()}\n" for found in _CERTIFICATE.finditer(data))


def _certificates(data: bytes, which: Which) -> list[x509.Certificate]:
    blocks = [found[0] for found in _CERTIFICATE.finditer(data)]
    if not blocks:
        raise UnfitCertificate(which, "the file holds no PEM certificates")
    try:
        with warnings.catch_warnings():
            # old CAs whose serial number is no number; Envoy minds as little as we
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            found = [x509.load_pem_x509_certificate(block) for block in blocks]
        for one in found:
            one.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise UnfitCertificate(which, "the file holds a certificate that cannot be read") from None
    return found


def _private_key(data: bytes) -> tuple[rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, str]:
    found = _KEY.search(data)
    if found is None:
        raise UnfitCertificate("key", "the file holds no PEM private key")
    try:
        key = load_pem_private_key(found[0], None)
    except TypeError:
        raise UnfitCertificate(
            "key", "the key is encrypted", "write it without a passphrase: openssl pkey -in KEY -out NEW"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnfitCertificate("key", "the key cannot be read") from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _SMALLEST_RSA:
        return key, f"{found[0].decode()}\n"
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, _CURVES):
        return key, f"{found[0].decode()}\n"
    raise UnfitCertificate("key", "a key of this kind cannot be used", _KINDS)


def _public_bytes(key: object) -> bytes:
    public_bytes = getattr(key, "public_bytes", None)
    assert public_bytes is not None
    data: bytes = public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return data
