"""The hop between Envoy and a processor that stands alone: who may use it, and how it is left.

Law: a socket is its owner's unless somebody says otherwise; a port is anybody's who reaches it, unless certificates
are asked for, and then this is said.
"""

from dataclasses import dataclass

from extproc.dataplane.start import is_loopback
from extproc.transport.listen import OWNER_ALONE
from extproc.transport.tls_files import TlsFiles


@dataclass(frozen=True, slots=True)
class Hop:
    tls: TlsFiles | None = None
    socket_mode: int = OWNER_ALONE
    linger: float = 0.0  # seconds between saying that we go and going


NEIGHBOUR = Hop()


def warnings_of(listen: tuple[str, ...], hop: Hop) -> list[str]:
    """What an operator has to see to elsewhere."""
    if hop.tls is not None:
        return []
    return [_in_plain(address) for address in listen if not address.startswith("unix:") and _is_open(address)]


def _is_open(address: str) -> bool:
    return not is_loopback(address.rpartition(":")[0].strip("[]"))


def _in_plain(address: str) -> str:
    return (
        f"{address} is plain text: who can listen on that network reads prompts and callers' keys, and who reaches the "
        "port can forge exchanges and records. Let only Envoy reach it (a mesh, a NetworkPolicy), or give "
        "--tls-certificate, --tls-key and --tls-client-ca"
    )
