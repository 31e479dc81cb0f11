"""The CA certificates that the system trusts, as one file for Envoy.

Law: what the operator says (SSL_CERT_FILE) holds, and where it cannot be used that is an error and never passed over
in silence; else the first usable one of the places of common systems, then `certifi`.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from extproc.snapshot import Provider, Service, Snapshot

SAID = "SSL_CERT_FILE"
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch, Gentoo
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL 7 and later
    "/etc/pki/tls/certs/ca-bundle.crt",  # older ones
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/var/lib/ca-certificates/ca-bundle.pem",  # newer SUSE
    "/etc/ssl/cert.pem",  # macOS, Alpine, OpenBSD, FreeBSD
    "/opt/homebrew/etc/ca-certificates/cert.pem",  # Homebrew
    "/usr/local/share/certs/ca-root-nss.crt",  # older FreeBSD
)
_BEGIN = (b"-----BEGIN CERTIFICATE-----", b"-----BEGIN TRUSTED CERTIFICATE-----")


class NoCaBundle(Exception):
    """No file with CA certificates that can be used; the text says what to do."""


def find_ca_bundle(environment: Mapping[str, str] | None = None, bundles: Sequence[str] = SYSTEM_BUNDLES) -> str:
    said = (os.environ if environment is None else environment).get(SAID)
    if said:
        wrong = _unusable(said)
        if wrong is not None:
            raise NoCaBundle(f"{SAID}={said}: {wrong}; name a PEM file of CA certificates, or unset it")
        return said
    for path in bundles:
        if _unusable(path) is None:
            return path
    shipped = _shipped()
    if shipped is None:
        raise NoCaBundle(
            f"no CA certificates found for https:// upstreams: install ca-certificates, set {SAID} to a PEM file "
            "(SSL_CERT_DIR is not read), or give each upstream its `ca`"
        )
    return shipped


def ca_bundle_or_none() -> str | None:
    """None: OpenSSL's own places, for calls of ours. Where those are empty too, a call says so."""
    try:
        return find_ca_bundle()
    except NoCaBundle:
        return None


def needs_ca_bundle(snapshot: Snapshot) -> bool:
    """Whether some upstream's certificate is checked against what the system trusts."""
    upstreams: list[Provider | Service] = [*snapshot.providers.values(), *snapshot.services.values()]
    return any(upstream.endpoints[0].scheme == "https" and upstream.tls.ca is None for upstream in upstreams)


def _unusable(path: str) -> str | None:
    """Why a file is no bundle of certificates."""
    try:
        held = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        return (getattr(error, "strerror", None) or "its name cannot be one").lower()
    return None if any(begin in held for begin in _BEGIN) else "it holds no certificate"


def _shipped() -> str | None:
    try:
        import certifi
    except ImportError:
        return None
    path = certifi.where()
    return path if _unusable(path) is None else None
