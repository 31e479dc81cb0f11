"""`extproc render`: what an Envoy that somebody else runs needs, from the same configuration, secrets by reference.

Law: standard output is the text itself, for files and pipes; what the form cannot do is said on standard error.
"""

import typer

from extproc.cli.render import bootstrap, envoy_gateway, istio, xds

NAME = "render"
EXAMPLES = (
    "**Examples:** `extproc render bootstrap -c extproc.yaml --processor 127.0.0.1:50051 -o envoy.json` · "
    "`extproc render istio -c extproc.yaml --processor extproc.gateway.svc:50051 --selector istio=ingressgateway`"
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
for verb in (bootstrap, xds, istio, envoy_gateway):
    app.command(verb.NAME, epilog=verb.EXAMPLES)(verb.command)
HELP = "Write what an Envoy needs that somebody else runs: bootstrap, files to follow, or manifests for a mesh."
