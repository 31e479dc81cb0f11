"""`extproc render istio`: the gateway as a guest of Istio's own Envoys."""

from pathlib import Path
from typing import Annotated

import typer

from extproc.app.foreign import istio, notes
from extproc.cli.render import options, writing
from extproc.dataplane.istio import Context, Istio

NAME = "istio"
EXAMPLES = (
    "**Examples:** `extproc render istio -c extproc.yaml --processor extproc.gateway.svc:50051 "
    "--selector istio=ingressgateway | kubectl apply --server-side -f -`"
)


def command(
    processor: options.Processors,
    config: options.Config = Path("extproc.yaml"),
    processor_ca: options.ProcessorCa = None,
    processor_certificate: options.ProcessorCertificate = None,
    processor_key: options.ProcessorKey = None,
    processor_name: options.ProcessorName = None,
    namespace: Annotated[str, typer.Option(help="Of the manifests: that of the pods they are for.")] = "istio-system",
    selector: Annotated[
        list[str], typer.Option(help="A label of those pods, LABEL=VALUE; may be given more than once.")
    ] = [],  # noqa: B006 - typer copies it
    context: Annotated[Context, typer.Option(help="What those pods are.")] = "GATEWAY",
    listener_port: Annotated[int | None, typer.Option(min=1, max=65535, help="Only the listener of this port.")] = None,
    virtual_host: Annotated[str | None, typer.Option(help="Only this virtual host, as HOST:PORT.")] = None,
    name: options.ManifestsName = "extproc",
    mounted: options.Mounted = options.FOLLOWED_DIRECTORY,
    ca_bundle: options.CaBundle = options.OFFICIAL_IMAGES_BUNDLE,
    output: options.Output = None,
) -> None:
    """Write an EnvoyFilter in the portable form, for Istio from 1.24 on."""
    at = Istio(name, namespace, _labels(selector), context, listener_port, virtual_host)
    place = options.place_of(
        processor,
        options.tls_of(processor, processor_ca, processor_certificate, processor_key, processor_name),
        ca_bundle=ca_bundle,
        form="portable",
        xds=mounted,
    )
    compiled = writing.compiled_or_stop(config)
    with writing.or_stop():
        made = istio(compiled, place, at)
    writing.say(notes(place, as_guest=True))
    writing.manifests(made, output)


def _labels(selector: list[str]) -> dict[str, str]:
    labels = {}
    for text in selector:
        label, equals, value = text.partition("=")
        if not equals or not label:
            raise typer.BadParameter(f"{text}: it is LABEL=VALUE", param_hint="--selector")
        labels[label] = value
    return labels
