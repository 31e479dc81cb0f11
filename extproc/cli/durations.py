"""Durations on the command line, in the same form as in the configuration."""

import typer

from extproc.config.forms import parse_duration


def Duration(text: str | float) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
