"""How somebody at this machine reaches the gateway with curl: by a name that its certificate bears, trusting its CA.

Law: what is proposed works as it stands, but for what only the reader has: a client's certificate.
"""

import shlex
import warnings
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import verification

from extproc.config.certificates import Pair
from extproc.dataplane.ca import NoCaBundle, find_ca_bundle
from extproc.dataplane.start import Reached
from extproc.dataplane.supervise import Address
from extproc.snapshot import ListenTls, is_ip


def reached(address: Address, tls: ListenTls | None, pair: Pair | None) -> Reached:
    if tls is None or pair is None:
        return Reached(address.local)
    chain = x509.load_pem_x509_certificates(pair.certificate.encode())
    host = _name(chain[0], address.reachable)
    options: list[str] = []
    url = address.local
    if host != address.reachable:
        url = f"https://{host}:{address.port}"
        options += ["--resolve", f"{host}:{address.port}:{address.reachable}"]
    if not _is_publicly_signed(chain, host):
        options += ["--cacert", shlex.quote(tls.certificate)]  # curl takes what a chain holds for its CA
    if tls.client_ca is not None:
        options += ["--cert", "YOUR-CERTIFICATE.pem", "--key", "YOUR-KEY.pem"]
    return Reached(url, "".join(f" {option}" for option in options))


def _name(leaf: x509.Certificate, host: str) -> str:
    """The host itself where the certificate bears it, else a name that it bears."""
    try:
        borne = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return host
    hosts = borne.get_values_for_type(x509.DNSName)
    if host in hosts or host in [str(one) for one in borne.get_values_for_type(x509.IPAddress)]:
        return host
    return hosts[0].replace("*", "gateway") if hosts else host


def _is_publicly_signed(chain: list[x509.Certificate], host: str) -> bool:
    if is_ip(host):
        return False  # next to no public CA signs addresses, and a CA too many does no harm
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # of old CAs
            known = x509.load_pem_x509_certificates(Path(find_ca_bundle()).read_bytes())
        verifier = verification.PolicyBuilder().store(verification.Store(known)).time(datetime.now(UTC))
        verifier.build_server_verifier(x509.DNSName(host)).verify(chain[0], chain[1:])
    except (NoCaBundle, OSError, ValueError, verification.VerificationError):
        return False
    return True
