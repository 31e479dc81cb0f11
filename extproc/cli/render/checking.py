"""`--check`: an Envoy of this machine says whether it would take the configuration."""

import json
import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import typer

from extproc.app.foreign import static
from extproc.app.secret_references import references_of
from extproc.cli import screen
from extproc.config.compile import Compiled
from extproc.dataplane.ca import find_ca_bundle
from extproc.dataplane.envoy import EnvoyMissing, find_envoy
from extproc.dataplane.place import Place
from extproc.dataplane.references import Variable

PATIENCE = 60.0


def check_or_stop(compiled: Compiled, place: Place) -> None:
    """What Envoy's own machine has and this one may not, the CA bundle and the variables, is put in for the check."""
    try:
        binary = find_envoy(None)
    except EnvoyMissing as error:
        screen.stop(f"--check: {error}", screen.EXIT_NO)
    variables = [one.name for one in references_of(compiled, place.form).values() if isinstance(one, Variable)]
    node = static(compiled, replace(place, ca_bundle=find_ca_bundle()))
    with tempfile.TemporaryDirectory(prefix="extproc-check-") as directory:
        file = Path(directory) / "envoy.json"
        file.write_text(json.dumps(node), encoding="utf-8")
        ran = subprocess.run(
            [binary, "--mode", "validate", "-c", str(file), "--log-level", "error", "--log-format", "%v"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, **dict.fromkeys(variables, "checked")},
        )
    if ran.returncode != 0:
        screen.complain("--check: Envoy does not take it")
        typer.echo(ran.stderr.strip(), err=True)
        raise typer.Exit(screen.EXIT_NO)
