"""`extproc serve`: the processor alone, beside an Envoy that somebody runs."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated

import typer

from extproc.app.processor import ProcessorSettings, run_processor
from extproc.cli import screen
from extproc.cli.durations import Duration
from extproc.cli.loading import configuration_or_stop, strangers_or_stop
from extproc.cli.passed_on import passed_on
from extproc.dataplane.start import CannotStart
from extproc.dataplane.workers import MOST

NAME = "serve"
OURS = ("--workers", "--listen", "--admin", "--drain")  # what the keeper says to each worker itself
EXAMPLES = (
    "**Examples:** `extproc serve -c extproc.yaml --listen unix:///run/extproc.sock` · "
    "`extproc serve -c /etc/extproc --listen 0.0.0.0:50051 --admin 0.0.0.0:8081`"
)


def command(
    listen: Annotated[list[str], typer.Option(help="unix:///PATH or HOST:PORT; may be given more than once.")],
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
    snapshot: Annotated[Path | None, typer.Option(hidden=True)] = None,
    keys: Annotated[Path | None, typer.Option(hidden=True)] = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
    siblings: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run the processor alone, as a sidecar or a shared deployment."""
    compiled = None
    if snapshot is None:
        compiled = configuration_or_stop(config)
        strangers_or_stop(listen, compiled, open_to_strangers=open_)
    if workers > 1:
        from extproc.app.keeper import KeeperSettings, run_keeper  # here: each worker would pay for it at its start

        run(run_keeper(KeeperSettings(workers, tuple(listen), admin, drain, passed_on(sys.argv[2:], OURS))))
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
        siblings=siblings,
    )
    run(run_processor(settings, compiled))


def run(work: Coroutine[None, None, None]) -> None:
    try:
        asyncio.run(work)
    except CannotStart as error:
        screen.stop(str(error))
