"""`extproc render envoy-gateway`: the gateway as a guest of Envoy Gateway's Envoys."""

from pathlib import Path
from typing import Annotated

import typer

from extproc.app.foreign import envoy_gateway, notes
from extproc.cli.render import options, writing
from extproc.dataplane.envoy_gateway import EnvoyGateway

NAME = "envoy-gateway"
EXAMPLES = (
    "**Examples:** `extproc render envoy-gateway -c extproc.yaml --processor extproc.gateway.svc:50051 "
    "--gateway eg --namespace default | kubectl apply --server-side -f -`"
)


def command(
    processor: options.Processors,
    config: options.Config = Path("extproc.yaml"),
    processor_ca: options.ProcessorCa = None,
    processor_certificate: options.ProcessorCertificate = None,
    processor_key: options.ProcessorKey = None,
    processor_name: options.ProcessorName = None,
    gateway: Annotated[str, typer.Option(help="The Gateway's name.")] = "eg",
    namespace: Annotated[str, typer.Option(help="The Gateway's namespace.")] = "default",
    listener: Annotated[str, typer.Option(help="The name of its listener.")] = "http",
    https: Annotated[bool, typer.Option("--https", help="That listener ends TLS.")] = False,
    pods: Annotated[str, typer.Option(help="The namespace of Envoy's pods.")] = "envoy-gateway-system",
    name: options.ManifestsName = "extproc",
    mounted: options.Mounted = options.FOLLOWED_DIRECTORY,
    ca_bundle: options.CaBundle = options.OFFICIAL_IMAGES_BUNDLE,
    output: options.Output = None,
) -> None:
    """Write an EnvoyPatchPolicy in the portable form, for Envoy Gateway from 1.3 on."""
    place = options.place_of(
        processor,
        options.tls_of(processor, processor_ca, processor_certificate, processor_key, processor_name),
        ca_bundle=ca_bundle,
        form="portable",
        xds=mounted,
    )
    compiled = writing.compiled_or_stop(config)
    with writing.or_stop():
        made = envoy_gateway(compiled, place, EnvoyGateway(gateway, namespace, listener, https, name), pods)
    writing.say(notes(place, as_guest=True))
    writing.manifests(made, output)
