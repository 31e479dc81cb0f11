"""The options that several of the render verbs share, and what they come to."""

from pathlib import Path
from typing import Annotated

import typer

from extproc.config.addresses import NotAnAddress
from extproc.dataplane.ca import SYSTEM_BUNDLES
from extproc.dataplane.place import Form, Place, ProcessorTls
from extproc.dataplane.processor_cluster import processor_endpoints

Config = Annotated[
    Path,
    typer.Option("-c", "--config", help="A YAML file or a directory of them. Its secrets need not be on this machine."),
]
Processors = Annotated[
    list[str],
    typer.Option(
        "--processor", help="Where Envoy finds a processor: a Unix socket's path or HOST:PORT; for each one of them."
    ),
]
ProcessorCa = Annotated[str | None, typer.Option(help="TLS to processors: the file of their CA, on Envoy's machine.")]
ProcessorCertificate = Annotated[str | None, typer.Option(help="The certificate that Envoy shows them: a file there.")]
ProcessorKey = Annotated[str | None, typer.Option(help="The key of that certificate: a file there.")]
ProcessorName = Annotated[
    str | None, typer.Option(help="The name in their certificates.  [default: the first --processor's host]")
]
CaBundle = Annotated[
    str, typer.Option(help="The CA certificates that Envoy's machine trusts, for https upstreams: a file there.")
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Where to write.  [default: standard output]")]
OFFICIAL_IMAGES_BUNDLE = SYSTEM_BUNDLES[0]
FOLLOWED_DIRECTORY = "/etc/extproc/envoy"


def tls_of(
    processors: list[str], ca: str | None, certificate: str | None, key: str | None, name: str | None
) -> ProcessorTls | None:
    """All or nothing: a processor that talked to anybody would decide for anybody. A wrong command line is said."""
    try:
        processor_endpoints(processors)
    except NotAnAddress as error:
        raise typer.BadParameter(str(error), param_hint="--processor") from None
    if ca is None and certificate is None and key is None and name is None:
        return None
    if ca is None or certificate is None or key is None:
        raise typer.BadParameter("goes with --processor-certificate and --processor-key", param_hint="--processor-ca")
    if processors[0].startswith(("/", "unix:")):
        raise typer.BadParameter("Unix sockets speak no TLS", param_hint="--processor-ca")
    return ProcessorTls(ca, certificate, key, name or processors[0].rpartition(":")[0].strip("[]"))


def place_of(
    processors: list[str],
    tls: ProcessorTls | None,
    *,
    ca_bundle: str,
    form: Form,
    xds: str = FOLLOWED_DIRECTORY,
    host: str = "127.0.0.1",
    port: int = 8080,
    admin: str = "/run/extproc/envoy.sock",
    access_log: str = "-",
) -> Place:
    directory = xds.rstrip("/")
    return Place(
        host=host,
        port=port,
        admin=admin,
        processors=tuple(processors),
        xds=directory,
        secrets=directory,
        ca_bundle=ca_bundle,
        access_log=access_log,
        processor_tls=tls,
        form=form,
    )
