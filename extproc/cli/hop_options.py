"""What the command line says of the hop between Envoy and the processor."""

from pathlib import Path
from typing import Final

import typer

from extproc.app.feeding import FeedingSettings
from extproc.app.hop import Hop
from extproc.cli import screen
from extproc.dataplane.neighbour import NeighbourDirectory
from extproc.transport.listen import OWNER_ALONE
from extproc.transport.tls_files import TlsFiles

_MODES: Final = ("0600", "0660")


def hop_or_stop(certificate: Path | None, key: Path | None, client_ca: Path | None, mode: str, linger: float) -> Hop:
    if mode not in _MODES:
        raise typer.BadParameter(f"{mode}: it is one of {', '.join(_MODES)}", param_hint="--socket-mode")
    return Hop(tls=_tls_or_stop(certificate, key, client_ca), socket_mode=int(mode, 8), linger=linger)


def addresses_or_stop(
    listen: list[str], xds: Path | None, envoy_admin: str | None, hop: Hop, *, open_to_strangers: bool
) -> tuple[list[str], FeedingSettings | None]:
    """Where we listen, and whom we feed; whoever is fed reaches us by a socket in its directory, if by nothing else."""
    if xds is None:
        if envoy_admin is not None:
            raise typer.BadParameter("goes only with --xds", param_hint="--envoy-admin")
        if not listen:
            raise typer.BadParameter("is missing, and so is --xds", param_hint="--listen")
        return listen, None
    directory = NeighbourDirectory(xds.absolute(), for_group=hop.socket_mode != OWNER_ALONE)
    listen = listen or [f"unix://{directory.processor}"]
    if hop.tls is not None and not listen[0].startswith("unix:"):
        screen.stop("--xds: the first --listen must be a socket where the ports ask for certificates")
    try:
        directory.make()
    except OSError as error:
        screen.stop(f"--xds {xds}: the directory cannot be made: {error.strerror}")
    return listen, FeedingSettings(directory, listen[0], envoy_admin, open_to_strangers)


def _tls_or_stop(certificate: Path | None, key: Path | None, client_ca: Path | None) -> TlsFiles | None:
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None or client_ca is None:
        screen.stop("--tls-certificate, --tls-key and --tls-client-ca go together: without the last anybody may ask")
    return TlsFiles(certificate, key, client_ca)
