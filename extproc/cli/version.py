"""`extproc version`: what is installed."""

import platform
import subprocess

from extproc.cli import screen
from extproc.dataplane.envoy import EnvoyMissing, find_envoy
from extproc.version import VERSION

NAME = "version"
EXAMPLES = "**Example:** `extproc version`"


def command() -> None:
    """Show the versions of extproc, Python and Envoy."""
    facts = {"extproc": VERSION, "python": platform.python_version(), "envoy": _envoy()}
    if not screen.for_people():
        screen.write_json(facts)
        return
    screen.table(("what", "version"), facts.items())


def _envoy() -> str:
    try:
        binary = find_envoy(None)
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (EnvoyMissing, OSError, subprocess.TimeoutExpired):
        return "not found"
    return version_in(said)


def version_in(said: str) -> str:
    """PATH  version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL"""
    parts = said.rpartition("version:")[2].split("/")
    return parts[1] if len(parts) > 1 else said.strip()
