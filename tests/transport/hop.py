"""Both sides' certificates for a hop, and a client on it that shows one."""

from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio

from extproc.transport.tls_files import TlsFiles
from tests.dataplane.certificates import Ca, Issued

NAME = "processor.internal"


@dataclass(slots=True)
class Pki:
    files: TlsFiles
    server_ca: Ca
    client_ca: Ca
    client: Issued


def pki(directory: Path) -> Pki:
    made = Pki(
        TlsFiles(directory / "server.pem", directory / "server.key", directory / "clients.pem"),
        *(server := Ca("of the processor"), clients := Ca("of Envoy")),
        clients.issue("envoy"),
    )
    show(made.files, server.issue("processor", NAME), clients)
    return made


def show(files: TlsFiles, pair: Issued, clients: Ca) -> None:
    files.certificate.write_bytes(pair.certificate)
    files.key.write_bytes(pair.key)
    files.client_ca.write_bytes(clients.certificate)


def dial(address: str, pki: Pki | None, client: Issued | None = None) -> grpc.aio.Channel:
    """`client`: another certificate than the right one."""
    if pki is None:
        return grpc.aio.insecure_channel(address)
    shown = client or pki.client
    credentials = grpc.ssl_channel_credentials(pki.server_ca.certificate, shown.key, shown.certificate)
    options = [("grpc.ssl_target_name_override", NAME), ("grpc.use_local_subchannel_pool", 1)]
    return grpc.aio.secure_channel(address, credentials, options=options)
