"""`extproc render bootstrap`: what an Envoy of one's own starts with."""

from pathlib import Path
from typing import Annotated

import typer

from extproc.app.foreign import bootstrap, notes, static
from extproc.cli.render import options, writing
from extproc.cli.render.checking import check_or_stop

NAME = "bootstrap"
EXAMPLES = (
    "**Examples:** `extproc render bootstrap -c extproc.yaml --processor 127.0.0.1:50051 --static -o envoy.yaml` · "
    "`extproc render bootstrap -c extproc.yaml --processor /run/extproc/p0.sock --xds /etc/extproc/envoy -o envoy.json`"
)


def command(
    processor: options.Processors,
    config: options.Config = Path("extproc.yaml"),
    processor_ca: options.ProcessorCa = None,
    processor_certificate: options.ProcessorCertificate = None,
    processor_key: options.ProcessorKey = None,
    processor_name: options.ProcessorName = None,
    host: options.Host = None,
    port: options.Port = None,
    admin: Annotated[
        str, typer.Option(help="Envoy's admin interface, which can stop it: a Unix socket's path, or HOST:PORT.")
    ] = "/run/extproc/envoy.sock",
    access_log: options.AccessLog = "-",
    xds: Annotated[
        str, typer.Option(help="The directory on Envoy's machine whose files it follows: `render xds` writes them.")
    ] = options.FOLLOWED_DIRECTORY,
    static_: Annotated[
        bool, typer.Option("--static", help="Everything in this one file: nothing changes while Envoy runs.")
    ] = False,
    form: options.WhichForm = "whole",
    ca_bundle: options.CaBundle = options.OFFICIAL_IMAGES_BUNDLE,
    check: options.Check = False,
    output: options.Output = None,
) -> None:
    """Write a bootstrap for an Envoy that you run: JSON, or YAML by the file's name."""
    tls = options.tls_of(processor, processor_ca, processor_certificate, processor_key, processor_name)
    compiled = writing.compiled_or_stop(config)
    host, port = options.clients_at(host, port, compiled.snapshot.listen)
    place = options.place_of(
        processor,
        tls,
        ca_bundle=ca_bundle,
        form=form,
        xds=xds,
        host=host,
        port=port,
        admin=admin,
        access_log=access_log,
    )
    with writing.or_stop():
        node = static(compiled, place) if static_ else bootstrap(compiled, place)
        if check:
            check_or_stop(compiled, place)
    writing.say(notes(place, as_guest=False))
    writing.envoys(node, output)
