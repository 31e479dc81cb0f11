"""`extproc up`: Envoy and the processor together, from one command."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from extproc.app.gateway import UpSettings, run_gateway
from extproc.cli import screen
from extproc.cli.durations import Duration
from extproc.cli.welcome import welcome
from extproc.dataplane.start import CannotStart
from extproc.dataplane.workers import MOST

NAME = "up"
EXAMPLES = (
    "**Examples:** `extproc up` · `OPENAI_API_KEY=… extproc up` · `extproc up -c extproc.yaml --port 9000` · "
    "`extproc up -c /etc/extproc --host 0.0.0.0`"
)


def command(
    config: Annotated[
        Path | None,
        typer.Option(
            "-c",
            "--config",
            help="A YAML file or a directory of them. Left out: ./extproc.yaml, else the API keys in the environment, "
            "else demo providers.",
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Where clients connect.  [default: 8080]")] = None,
    admin_port: Annotated[int, typer.Option(min=1, max=65535, help="Health and metrics.")] = 8081,
    admin_host: Annotated[
        str, typer.Option(help="Where health and metrics are: they tell of providers and callers, and steer nothing.")
    ] = "127.0.0.1",
    host: Annotated[str | None, typer.Option(help="Which address to listen on.  [default: 127.0.0.1]")] = None,
    drain: Annotated[float, typer.Option(parser=Duration, help="How long open exchanges may take to end.")] = 5.0,
    open_: Annotated[bool, typer.Option("--open", help="Let strangers call without a key, and mean it.")] = False,
    envoy: Annotated[
        str | None, typer.Option(help="The Envoy to run.  [default: beside this Python, else PATH]")
    ] = None,
    access_log: Annotated[
        str | None,
        typer.Option(
            help="Envoy's own access log, as JSON: a file, `-` or `off`.  [default: `-` when piped, else off]"
        ),
    ] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Envoy's worker threads.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=MOST, help="Processors, each a process of its own.")] = 1,
) -> None:
    """Start Envoy and the processor, print what to try, and run until Ctrl-C."""
    settings = UpSettings(
        source=config,
        host=host,
        port=port,
        admin_host=admin_host,
        admin_port=admin_port,
        drain=drain,
        open_to_strangers=open_,
        envoy=envoy,
        access_log=access_log or ("off" if screen.for_people() else "-"),
        concurrency=concurrency,
        workers=workers,
    )
    try:
        asyncio.run(run_gateway(settings, welcome))
    except CannotStart as error:
        for line in error.lines:
            screen.complain(line)
        raise typer.Exit(screen.EXIT_CANNOT_START) from None
