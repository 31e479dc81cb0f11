"""Certificates for tests: a CA of one's own, and what it signs, in files as operators have them."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


def pem(key: CertificateIssuerPrivateKeyTypes) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    if "@" in name:
        return x509.RFC822Name(name)
    return x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)


@dataclass(frozen=True, slots=True)
class Issued:
    certificate: bytes
    key: bytes

    def write(self, directory: Path, name: str = "client") -> tuple[Path, Path]:
        certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
        certificate.write_bytes(self.certificate)
        key.write_bytes(self.key)
        return certificate, key


class Ca:
    """Signs whatever it is asked to."""

    def __init__(self, name: str = "test CA", *, begins: timedelta = -DAY, ends: timedelta = 365 * DAY) -> None:
        self.name = _named(name)
        self.key = ec.generate_private_key(ec.SECP256R1())
        built = self._builder(self.name, self.key, begins, ends)
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.certificate = built.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def issue(
        self,
        name: str,
        *hosts: str,
        begins: timedelta = -DAY,
        ends: timedelta = 90 * DAY,
        key: CertificateIssuerPrivateKeyTypes | None = None,
    ) -> Issued:
        own = key or ec.generate_private_key(ec.SECP256R1())
        built = self._builder(_named(name), own, begins, ends)
        if hosts:
            names = [_alternative(host) for host in hosts]
            built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return Issued(built.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM), pem(own))

    def _builder(
        self, name: x509.Name, key: CertificateIssuerPrivateKeyTypes, begins: timedelta, ends: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())  # type: ignore[arg-type]
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
        )


def server_side(ca: Ca, directory: Path, *hosts: str, clients: Ca | None = None) -> ssl.SSLContext:
    """A server with a certificate of `ca`'s; with `clients`, it speaks only to whom that CA knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.issue("server", *hosts).write(directory, "server"))
    if clients is not None:
        trusted = directory / "clients.pem"
        trusted.write_bytes(clients.certificate)
        context.load_verify_locations(trusted)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
