"""`extproc serve`: the processor alone, beside an Envoy that somebody runs."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated

import typer

from extproc.app.hop import Hop
from extproc.app.processor import ProcessorSettings, run_processor
from extproc.cli import screen
from extproc.cli.durations import Duration
from extproc.cli.hop_options import addresses_or_stop, hop_or_stop
from extproc.cli.loading import configuration_or_stop, strangers_or_stop
from extproc.cli.passed_on import passed_on
from extproc.dataplane.start import CannotStart
from extproc.dataplane.workers import MOST

NAME = "serve"
OURS = ("--workers", "--listen", "--admin", "--drain")  # what the keeper says to each worker itself
EXAMPLES = (
    "**Examples:** `extproc serve -c extproc.yaml --listen unix:///run/extproc.sock` · "
    "`extproc serve -c /etc/extproc --listen 0.0.0.0:50051 --tls-certificate tls.crt --tls-key tls.key "
    "--tls-client-ca ca.crt --admin 0.0.0.0:8081` · "
    "`extproc serve -c /etc/extproc --xds /shared/xds --admin 0.0.0.0:8081`"
)


def command(
    listen: Annotated[
        list[str] | None, typer.Option(help="unix:///PATH or HOST:PORT; may be given more than once.")
    ] = None,
    config: Annotated[Path | None, typer.Option("-c", "--config", help="A YAML file or a directory of them.")] = None,
    admin: Annotated[str | None, typer.Option(help="Where /healthz, /readyz and /metrics are: HOST:PORT.")] = None,
    drain: Annotated[float, typer.Option(parser=Duration, help="How long open exchanges may take to end.")] = 30.0,
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            max=MOST,
            help="Processes that share the work; each has an address of its own: x.sock becomes x.0.sock and x.1.sock, "
            "a port the ones behind it.",
        ),
    ] = 1,
    open_: Annotated[bool, typer.Option("--open", help="Let strangers call without a key.")] = False,
    tls_certificate: Annotated[
        Path | None, typer.Option(help="TLS on the ports of --listen: our certificate. It is followed when it changes.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The key of that certificate.")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(help="The CA whose certificates Envoy must show: nobody else may ask.")
    ] = None,
    socket_mode: Annotated[
        str, typer.Option(help="Who may use the sockets of --listen: 0660 also lets the group.")
    ] = "0600",
    linger: Annotated[
        float,
        typer.Option(parser=Duration, help="How long to go on after SIGTERM, while Envoy sees that we are leaving."),
    ] = 3.0,
    xds: Annotated[
        Path | None,
        typer.Option(help="Keep the files of an Envoy beside us in this directory: `envoy -c DIR/bootstrap.json`."),
    ] = None,
    envoy_admin: Annotated[
        str | None,
        typer.Option(
            help="That Envoy's admin interface: unix:PATH or http://HOST:PORT; `none`: it cannot be asked.  "
            "[default: the socket in the directory]"
        ),
    ] = None,
    snapshot: Annotated[Path | None, typer.Option(hidden=True)] = None,
    keys: Annotated[Path | None, typer.Option(hidden=True)] = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
    siblings: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run the processor alone, as a sidecar or a shared deployment."""
    hop: Hop = hop_or_stop(tls_certificate, tls_key, tls_client_ca, socket_mode, linger)
    listen, feeding = addresses_or_stop(listen or [], xds, envoy_admin, hop, open_to_strangers=open_)
    compiled = None
    if snapshot is None:
        compiled = configuration_or_stop(config)
        strangers_or_stop(listen, compiled, open_to_strangers=open_)
    if workers > 1 and feeding is not None:
        screen.stop("--xds goes with one worker: several would each write the files of that Envoy")
    if workers > 1:
        from extproc.app.keeper import KeeperSettings, run_keeper  # here: each worker would pay for it at its start

        run(run_keeper(KeeperSettings(workers, tuple(listen), admin, drain, passed_on(sys.argv[2:], OURS), linger)))
        return
    settings = ProcessorSettings(
        listen=tuple(listen),
        admin=admin,
        drain=drain,
        source=config,
        open_to_strangers=open_,
        snapshot_file=snapshot,
        keys=keys,
        with_parent=with_parent,
        hop=hop,
        feeding=feeding,
        siblings=siblings,
    )
    run(run_processor(settings, compiled))


def run(work: Coroutine[None, None, None]) -> None:
    try:
        asyncio.run(work)
    except CannotStart as error:
        screen.stop(str(error))
