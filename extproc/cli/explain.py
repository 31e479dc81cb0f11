"""`extproc explain`: what would be decided for a request, and why, without sending anything."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from extproc.app.explaining import NOTHING_OBSERVED, Asked, explain_request
from extproc.cli import screen
from extproc.cli.loading import configuration_or_stop
from extproc.cli.observed import observations_or_stop
from extproc.dataplane.place import Form

NAME = "explain"
EXAMPLES = (
    "**Examples:** `extproc explain -c extproc.yaml request.json` · "
    '`echo \'{"model": "smart", "messages": []}\' | extproc explain -c extproc.yaml -` · '
    "`extproc explain -c extproc.yaml --json request.json` · "
    "`extproc explain -c extproc.yaml --observed http://127.0.0.1:8081 request.json`\n\n"
    "REQUEST is a chat body, or `{method, path, headers, body}`."
)


def command(
    request: Annotated[Path, typer.Argument(help="A JSON file, or - for standard input.")],
    config: Annotated[Path, typer.Option("-c", "--config", help="A YAML file or a directory of them.")] = Path(
        "extproc.yaml"
    ),
    json_: Annotated[bool, typer.Option("--json", help="One JSON document, also on a terminal.")] = False,
    observed: Annotated[
        str | None,
        typer.Option(
            "--observed", help="What a running gateway sees: its admin port's URL, or a file with its /observations."
        ),
    ] = None,
    form: Annotated[
        Form, typer.Option(help="What Envoy was given by `extproc render`: in the portable form it walks no plan.")
    ] = "whole",
    draw: Annotated[float, typer.Option(min=0.0, max=1.0, help="The dice, for strategies that throw them.")] = 0.5,
) -> None:
    """Show the decision for a request: facts, every candidate with its reason, the plan, the headers."""
    compiled = configuration_or_stop(config, code=screen.EXIT_NO)
    asked = _read(request)
    now = time.monotonic()
    seen = observations_or_stop(observed, now) if observed else NOTHING_OBSERVED
    explanation = explain_request(
        compiled.snapshot, asked, now=now, draw=min(draw, 0.999999), observed=seen, portable=form == "portable"
    )
    if json_ or not screen.for_people():
        screen.write_json(explanation)
    else:
        _show(explanation)
    raise typer.Exit(screen.EXIT_NO if explanation.get("refusal") else 0)


def _read(path: Path) -> Asked:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text()
        document = json.loads(text)
    except OSError as error:
        screen.stop(f"{path}: {error.strerror}", screen.EXIT_NO)
    except ValueError as error:
        screen.stop(f"{path} is not JSON: {error}", screen.EXIT_NO)
    if not isinstance(document, dict):
        screen.stop(f"{path}: the request must be a JSON object", screen.EXIT_NO)
    return asked_of(document)


def asked_of(document: dict[str, Any]) -> Asked:
    """A chat body as it is, or the whole request: only that one has a path."""
    if "path" not in document:
        return Asked(
            "POST", "/v1/chat/completions", {"content-type": "application/json"}, json.dumps(document).encode()
        )
    _check_sendable(document)
    body = document.get("body")
    raw = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    given = document.get("headers") or {}
    if not isinstance(given, dict):
        screen.stop("`headers` must be an object of names and values", screen.EXIT_NO)
    headers = {str(name).lower(): str(value) for name, value in given.items()}
    shown = document.get("certificate") or []
    names = (shown,) if isinstance(shown, str) else tuple(map(str, shown)) if isinstance(shown, list) else None
    if names is None:
        screen.stop("`certificate` must be a name in the client's certificate, or a list of them", screen.EXIT_NO)
    return Asked(str(document.get("method", "POST")), str(document["path"]), headers, raw, names)


def _check_sendable(document: dict[str, Any]) -> None:
    """JSON can escape half a character, which no request can hold."""
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        screen.stop("the request holds half a character (\\ud800 to \\udfff), which cannot be sent", screen.EXIT_NO)


def _show(explanation: dict[str, Any]) -> None:
    facts = {key: value for key, value in explanation["facts"].items() if value not in (None, "", [], {}, False, 0)}
    screen.table(("fact", "value"), [(key, screen.plain(_text(value))) for key, value in facts.items()])
    screen.out.print()
    rows = [
        (
            screen.plain(candidate["target"]),
            "[green]kept[/]" if candidate["kept"] else "[red]dropped[/]",
            "" if candidate["score"] is None else f"{candidate['score']:g}",
            screen.plain(candidate["reason"]),
        )
        for candidate in explanation["candidates"]
    ]
    screen.table(("candidate", "", "score", "reason"), rows)
    refusal = explanation.get("refusal")
    if refusal:
        screen.out.print(f"\n[bold red]{refusal['status']} {refusal['code']}[/] {screen.plain(refusal['message'])}")
        return
    for word in ("models", "service", "answered"):
        names = explanation.get(word)
        if names is not None:
            screen.out.print(f"\n[bold]{word}[/] {screen.plain(names if isinstance(names, str) else ', '.join(names))}")
            return
    screen.out.print(f"\n[bold]plan[/] {screen.plain(' → '.join(explanation['plan']))}")
    if explanation["losses"]:
        screen.out.print(f"[bold yellow]cannot be told[/] {screen.plain(', '.join(explanation['losses']))}")
    if explanation["sends"]:
        sends = explanation["sends"]
        screen.out.print(f"[bold]sends[/] {screen.plain(sends['method'])} {screen.plain(sends['path'])}")
    screen.table(
        ("header", "value"), [(key, screen.plain(str(value))) for key, value in explanation["headers"].items()]
    )


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)
