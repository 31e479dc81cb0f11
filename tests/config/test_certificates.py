"""What is in certificate files: taken where Envoy takes it, and otherwise said in words."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from extproc.config.certificates import (
    UnfitCertificate,
    date_of,
    expiry_of,
    first_to_expire,
    read_authorities,
    read_pair,
)
from extproc.dataplane.ca import find_ca_bundle
from tests.dataplane.certificates import DAY, Ca, pem

NOW = datetime.now(UTC)
CA = Ca()
ISSUED, OTHER = CA.issue("us"), CA.issue("others")
SMALL = rsa.generate_private_key(65537, 1024)
LARGE = rsa.generate_private_key(65537, 2048)
EDWARDS = ed25519.Ed25519PrivateKey.generate()
CURVE = ec.generate_private_key(ec.SECP384R1())
ENCRYPTED = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
)
OLD_FORM = LARGE.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"secret"))


def test_a_pair_is_read() -> None:
    pair = read_pair(ISSUED.certificate, ISSUED.key, NOW)
    assert pair.certificate.encode() == ISSUED.certificate and pair.key.encode() == ISSUED.key
    assert abs(pair.expires - (NOW + 90 * DAY)) < timedelta(hours=1)  # the whole run of tests lies between
    assert ISSUED.key.decode().splitlines()[1] not in repr(pair)


@pytest.mark.parametrize("key", [LARGE, CURVE], ids=["rsa 2048", "P-384"])
def test_kinds_of_keys_that_can_be_used(key: "rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey") -> None:
    issued = CA.issue("us", key=key)
    assert read_pair(issued.certificate, issued.key, NOW).key.encode() == issued.key


def test_a_chain_ends_with_its_first_end() -> None:
    short = Ca(ends=10 * DAY)
    issued = short.issue("us")
    pair = read_pair(issued.certificate + short.certificate, issued.key, NOW)
    assert abs(pair.expires - (NOW + 10 * DAY)) < timedelta(hours=1)  # the whole run of tests lies between
    assert pair.certificate.count("BEGIN CERTIFICATE") == 2


def test_one_file_may_hold_both_and_the_key_goes_nowhere_with_the_certificate() -> None:
    both = b"a comment\n" + ISSUED.key + ISSUED.certificate
    pair = read_pair(both, both, NOW)
    assert "PRIVATE" not in pair.certificate and "CERTIFICATE" not in pair.key and "comment" not in pair.certificate


UNFIT: dict[str, tuple[bytes, bytes, str, str]] = {
    "nothing": (b"", ISSUED.key, "certificate", "no PEM certificates"),
    "garbage": (b"\x00\xff" * 50, ISSUED.key, "certificate", "no PEM certificates"),
    "garbage in PEM": (
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ISSUED.key,
        "certificate",
        "cannot be read",
    ),
    "half a certificate": (ISSUED.certificate[:200], ISSUED.key, "certificate", "no PEM certificates"),
    "no key": (ISSUED.certificate, ISSUED.certificate, "key", "no PEM private key"),
    "a broken key": (
        ISSUED.certificate,
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "key",
        "cannot be read",
    ),
    "another's key": (ISSUED.certificate, OTHER.key, "key", "does not fit"),
    "the leaf is not first": (
        CA.certificate + ISSUED.certificate,
        ISSUED.key,
        "certificate",
        "begins with another certificate",
    ),
    "an encrypted key": (ISSUED.certificate, ENCRYPTED, "key", "encrypted"),
    "an encrypted key of the old form": (ISSUED.certificate, OLD_FORM, "key", "encrypted"),
    "a short key": (CA.issue("us", key=SMALL).certificate, pem(SMALL), "key", "kind cannot be used"),
    "an Edwards key": (CA.issue("us", key=EDWARDS).certificate, pem(EDWARDS), "key", "kind cannot be used"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_cannot_be_used_is_said(name: str) -> None:
    certificate, key, which, words = UNFIT[name]
    with pytest.raises(UnfitCertificate, match=words) as raised:
        read_pair(certificate, key, NOW)
    assert raised.value.which == which


def test_out_of_its_time() -> None:
    late, early = CA.issue("us", begins=-2 * DAY, ends=-DAY), CA.issue("us", begins=DAY)
    with pytest.raises(UnfitCertificate, match=f"the certificate expired on {date_of(NOW - DAY)[:10]}"):
        read_pair(late.certificate, late.key, NOW)
    with pytest.raises(UnfitCertificate, match="not valid before"):
        read_pair(early.certificate, early.key, NOW)
    gone = Ca(begins=-2 * DAY, ends=-DAY)
    issued = gone.issue("us")
    with pytest.raises(UnfitCertificate, match="a certificate of its chain expired"):
        read_pair(issued.certificate + gone.certificate, issued.key, NOW)


def test_authorities() -> None:
    gone = Ca(begins=-2 * DAY, ends=-DAY)
    both = read_authorities(gone.certificate + CA.certificate + ISSUED.key, NOW)
    assert both.certificates.count("BEGIN") == 2 and both.expires > NOW + 300 * DAY
    with pytest.raises(UnfitCertificate, match="the CA certificate expired on"):
        read_authorities(gone.certificate, NOW)
    with pytest.raises(UnfitCertificate, match="no PEM"):
        read_authorities(b"", NOW)


def test_revocations_go_with_their_authorities() -> None:
    """Without them Envoy would trust again what a CA has taken back."""
    built = x509.CertificateRevocationListBuilder().issuer_name(CA.name).last_update(NOW).next_update(NOW + DAY)
    revoked = built.sign(CA.key, hashes.SHA256()).public_bytes(Encoding.PEM)
    assert read_authorities(revoked + CA.certificate, NOW).certificates.encode() == CA.certificate + revoked
    with pytest.raises(UnfitCertificate, match="revocations that cannot be read"):
        read_authorities(CA.certificate + b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", NOW)


def test_the_systems_bundle_can_be_read() -> None:
    with open(find_ca_bundle(), "rb") as file:
        assert read_authorities(file.read(), NOW).certificates.count("BEGIN") > 50


def test_expiry() -> None:
    gone = Ca(begins=-2 * DAY, ends=-DAY)
    assert expiry_of(gone.certificate + CA.certificate, "ca", NOW) > NOW
    assert expiry_of(gone.certificate + CA.certificate, "certificate", NOW) < NOW
    assert first_to_expire([NOW - DAY, NOW - 2 * DAY], NOW) == NOW - DAY
    assert first_to_expire([NOW + 2 * DAY, NOW - DAY, NOW + DAY], NOW) == NOW + DAY
