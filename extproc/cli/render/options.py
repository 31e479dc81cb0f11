"""The options that several of the render verbs share, and what they come to."""

from pathlib import Path
from typing import Annotated

import typer

from extproc.app.rendering import DEFAULT_PORT, LOOPBACK_HOST
from extproc.config.addresses import NotAnAddress
from extproc.dataplane.ca import SYSTEM_BUNDLES
from extproc.dataplane.place import Form, Place, ProcessorTls
from extproc.dataplane.processor_cluster import processor_endpoints
from extproc.snapshot import Listen

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
Host = Annotated[str | None, typer.Option(help="Where clients connect.  [default: as `listen` says, else 127.0.0.1]")]
Port = Annotated[
    int | None, typer.Option(min=1, max=65535, help="And the port.  [default: as `listen` says, else 8080]")
]
AccessLog = Annotated[str, typer.Option(help="Envoy's access log, as JSON: a file, `-` or `off`.")]
WhichForm = Annotated[Form, typer.Option("--form", help="`portable` for Envoys from 1.32 on; `whole` for 1.40.")]
Check = Annotated[bool, typer.Option("--check", help="Have an Envoy of this machine validate it.")]
ManifestsName = Annotated[str, typer.Option("--name", help="Of the manifests.")]
Mounted = Annotated[
    str, typer.Option(help="Where those pods mount the ConfigMap with the files that say where secrets are.")
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


def clients_at(host: str | None, port: int | None, listen: Listen) -> tuple[str, int]:
    return host or listen.host or LOOPBACK_HOST, port or listen.port or DEFAULT_PORT


def place_of(
    processors: list[str],
    tls: ProcessorTls | None,
    *,
    ca_bundle: str,
    form: Form,
    xds: str = FOLLOWED_DIRECTORY,
    host: str = LOOPBACK_HOST,
    port: int = DEFAULT_PORT,
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
