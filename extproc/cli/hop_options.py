"""What the command line says of the hop between Envoy and the processor."""

from pathlib import Path
from typing import Final

import typer

from extproc.app.hop import Hop
from extproc.cli import screen
from extproc.transport.tls import TlsFiles

_MODES: Final = ("0600", "0660", "0666")


def hop_or_stop(certificate: Path | None, key: Path | None, client_ca: Path | None, mode: str, linger: float) -> Hop:
    if mode not in _MODES:
        raise typer.BadParameter(f"{mode}: it is one of {', '.join(_MODES)}", param_hint="--socket-mode")
    return Hop(tls=_tls_or_stop(certificate, key, client_ca), socket_mode=int(mode, 8), linger=linger)


def _tls_or_stop(certificate: Path | None, key: Path | None, client_ca: Path | None) -> TlsFiles | None:
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None or client_ca is None:
        screen.stop("--tls-certificate, --tls-key and --tls-client-ca go together: without the last anybody may ask")
    return TlsFiles(certificate, key, client_ca)
