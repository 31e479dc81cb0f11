"""The CA certificates that the system trusts, as one file for Envoy.

Law: what the operator says (SSL_CERT_FILE) goes first, then the places of common systems, then `certifi`.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # RHEL 7 and later
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)


class NoCaBundle(Exception):
    """No file with CA certificates was found."""


def find_ca_bundle(environment: Mapping[str, str] | None = None, bundles: Sequence[str] = SYSTEM_BUNDLES) -> str:
    said = (os.environ if environment is None else environment).get("SSL_CERT_FILE")
    for path in ((said,) if said else ()) + tuple(bundles):
        if Path(path).is_file():
            return path
    try:
        import certifi
    except ImportError:
        raise NoCaBundle("no CA certificates found: install ca-certificates, or set SSL_CERT_FILE") from None
    return certifi.where()
