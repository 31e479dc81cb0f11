"""The verbs of the command line, one file each, or one folder where a verb has verbs of its own.

Law: output is for people on a terminal (tables, colours) and JSON when it is piped; errors are one clear line on
standard error. Exit codes: 0 done, 1 the answer is no (a configuration with errors, a refused request), 2 a wrong
command line, 3 cannot start (port in use, Envoy missing, a bad configuration given to `up` or `serve`). A verb that is
named is the only one that is imported: `serve` is started anew whenever a processor dies.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import typer

VERBS: Final = ("up", "init", "check", "explain", "render", "sign", "verify", "serve", "version")


def application(verbs: Sequence[str] = VERBS) -> typer.Typer:
    app = typer.Typer(
        name="extproc",
        help="Make an ordinary Envoy into an LLM and API gateway.\n\n"
        "Exit codes: 0 done; 1 the answer is no (errors in a configuration, a refused request); "
        "2 a wrong command line; 3 cannot start.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        callback=_a_verb_is_always_named,
    )
    for name in verbs:
        verb = import_module(f"extproc.cli.{name}")
        if hasattr(verb, "app"):  # a verb of verbs
            app.add_typer(verb.app, name=verb.NAME, help=verb.HELP, epilog=verb.EXAMPLES)
        else:
            app.command(verb.NAME, epilog=verb.EXAMPLES)(verb.command)
    return app


def _a_verb_is_always_named() -> None:
    """With one verb alone typer would take its name for an argument of it."""


def main() -> None:
    named = [name for name in sys.argv[1:2] if name in VERBS]
    application(named or VERBS)()
