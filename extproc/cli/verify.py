"""`extproc verify`: whether the signature of a request holds, and if not, why."""

import time
from typing import Annotated, Any

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
from extproc.signing import WINDOW, Invalid, scheme_of, timestamp_of, verify

NAME = "verify"
EXAMPLES = (
    "**Example:** `extproc verify --secret-file secret --path '/v1/chat/completions?x=1' --body body.json "
    "-H 'X-Timestamp: 1700000000' -H 'X-Signature: 8863…' -H 'X-Auth-Type: hmac-sha256'`\n\n"
    "Several secrets: any of them may have signed. No nonce is remembered: that a request comes twice is not seen."
)


def command(
    path: PathOption,
    header: Annotated[list[str] | None, typer.Option("-H", "--header", help="'Name: value', as received.")] = None,
    method: MethodOption = "POST",
    body: BodyOption = None,
    secret_file: SecretFiles = None,
    secret_env: SecretVariables = None,
    window: Annotated[int, typer.Option(min=0, help="How many seconds old, or ahead, it may be.")] = WINDOW,
    at: Annotated[float | None, typer.Option("--at", help="The Unix time to verify at, instead of now.")] = None,
) -> None:
    """Verify the signature of a received request: exit code 0 if it holds, 1 with the reason if it does not."""
    secrets = secrets_or_stop(secret_file, secret_env)
    headers = [_header(line) for line in header or ()]
    asked = request_of(method, path, body)
    now = time.time() if at is None else at
    invalid = verify(secrets, headers, asked.method, asked.path, asked.query, asked.body, now, window=window)
    _tell(invalid, headers, now)
    raise typer.Exit(screen.EXIT_NO if invalid else 0)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        screen.stop("-H takes 'Name: value'", EXIT_WRONG)
    return name.strip(), value.strip()


def _tell(invalid: Invalid | None, headers: list[tuple[str, str]], now: float) -> None:
    age = _age(headers, now)
    told: dict[str, Any] = {"valid": invalid is None, "scheme": scheme_of(headers), "age_seconds": age}
    if invalid is not None:
        told |= {"reason": invalid.code, "hint": invalid.value}
    if not screen.for_people():
        screen.write_json(told)
    elif invalid is None:
        screen.out.print(f"[green]valid[/] ({told['scheme']}, {age} s old)")
    else:
        signed = "" if age is None or invalid is not Invalid.TIMESTAMP_OFF else f" ({age} s old)"
        screen.out.print(f"[red]{invalid.code}[/]{signed}: {screen.plain(invalid.value)}", soft_wrap=True)


def _age(headers: list[tuple[str, str]], now: float) -> int | None:
    signed_at = timestamp_of(headers)
    return None if signed_at is None else int(now) - signed_at
