"""The verbs of the command line, one file each.

Law: output is for people on a terminal (tables, colours) and JSON when it is piped; errors are one clear line on
standard error. Exit codes: 0 done, 1 the answer is no (a configuration with errors, a refused request), 2 a wrong
command line, 3 cannot start (port in use, Envoy missing, a bad configuration given to `up` or `serve`).
"""

import typer

from extproc.cli import check, explain, init, serve, up, version

app = typer.Typer(
    name="extproc",
    help="Make an ordinary Envoy into an LLM and API gateway.\n\n"
    "Exit codes: 0 done; 1 the answer is no (errors in a configuration, a refused request); 2 a wrong command line; "
    "3 cannot start.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
for verb in (up, init, check, explain, serve, version):
    app.command(verb.NAME, epilog=verb.EXAMPLES)(verb.command)


def main() -> None:
    app()
