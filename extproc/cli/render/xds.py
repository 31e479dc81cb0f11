"""`extproc render xds`: the files that an Envoy with our bootstrap follows."""

from pathlib import Path
from typing import Annotated

import typer

from extproc.app.foreign import followed, notes
from extproc.cli.render import options, writing
from extproc.cli.render.checking import check_or_stop

NAME = "xds"
EXAMPLES = (
    "**Examples:** `extproc render xds -c extproc.yaml --processor 127.0.0.1:50051 -o /etc/extproc/envoy` · "
    "`extproc render xds -c extproc.yaml --processor 127.0.0.1:50051 --xds /etc/envoy/xds -o build/xds`"
)


def command(
    processor: options.Processors,
    output: Annotated[Path, typer.Option("-o", "--output", help="The directory to write into.")],
    config: options.Config = Path("extproc.yaml"),
    processor_ca: options.ProcessorCa = None,
    processor_certificate: options.ProcessorCertificate = None,
    processor_key: options.ProcessorKey = None,
    processor_name: options.ProcessorName = None,
    host: options.Host = None,
    port: options.Port = None,
    access_log: options.AccessLog = "-",
    xds: Annotated[
        str | None, typer.Option(help="Where Envoy sees that directory on its machine.  [default: where it is written]")
    ] = None,
    form: options.WhichForm = "whole",
    ca_bundle: options.CaBundle = options.OFFICIAL_IMAGES_BUNDLE,
    check: options.Check = False,
) -> None:
    """Write lds.json, rds.json, cds.json, and files that say where secrets are: for Envoys that follow them."""
    tls = options.tls_of(processor, processor_ca, processor_certificate, processor_key, processor_name)
    compiled = writing.compiled_or_stop(config)
    host, port = options.clients_at(host, port, compiled.snapshot.listen)
    place = options.place_of(
        processor,
        tls,
        ca_bundle=ca_bundle,
        form=form,
        xds=xds or str(output.absolute()),
        host=host,
        port=port,
        access_log=access_log,
    )
    with writing.or_stop():
        texts = followed(compiled, place)
        if check:
            check_or_stop(compiled, place)
    writing.say(notes(place, as_guest=False))
    writing.into(output, texts.items())
