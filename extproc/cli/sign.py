"""`extproc sign`: the signature headers of a request, to try a receiver with.

They are lines and not JSON also when piped: `curl -H @-` reads them.
"""

import secrets as dice
import time
from enum import StrEnum
from typing import Annotated

import typer

from extproc.cli import screen
from extproc.cli.signed_request import (
    EXIT_WRONG,
    BodyOption,
    MethodOption,
    PathOption,
    SecretFiles,
    SecretVariables,
    request_of,
    secrets_or_stop,
)
from extproc.signing import sign

NAME = "sign"
EXAMPLES = (
    "**Example:** `extproc sign --secret-file secret --path /v1/models --method GET | "
    "curl -H @- http://127.0.0.1:9001/v1/models`"
)


class SchemeOption(StrEnum):
    v1 = "v1"
    v2 = "v2"


def command(
    path: PathOption,
    method: MethodOption = "POST",
    body: BodyOption = None,
    secret_file: SecretFiles = None,
    secret_env: SecretVariables = None,
    scheme: Annotated[SchemeOption, typer.Option(help="v1, or v2 with query and nonce.")] = SchemeOption.v1,
) -> None:
    """Print the headers that sign a request, one a line, as curl reads them."""
    secrets = secrets_or_stop(secret_file, secret_env)
    if len(secrets) > 1:
        screen.stop("one secret signs: give --secret-file or --secret-env once", EXIT_WRONG)
    asked = request_of(method, path, body)
    try:
        headers = sign(
            secrets[0],
            scheme.value,
            asked.method,
            asked.path,
            asked.query,
            asked.body,
            time.time(),
            dice.token_hex(16),
        )
    except ValueError as error:
        screen.stop(f"this request cannot be signed: {error}", EXIT_WRONG)
    for name, value in headers:
        typer.echo(f"{name.title()}: {value}")
