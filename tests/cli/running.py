"""The command line as a test calls it: inside this process, or as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from extproc.cli import application, screen

ONE = """
providers:
  lab: {dialect: openai, base_url: "http://127.0.0.1:9001/v1", credential: sk-lab-secret-1, models: [small, big]}
  own: {dialect: openai, base_url: "http://127.0.0.1:9002/v1", credential: caller, models: [small]}
services:
  shop: {endpoints: ["http://127.0.0.1:9003"]}
routes:
  - {match: {path: /shop/*}, service: shop}
  - {match: {path: /v1/*}}
aliases: {smart: [lab/big, lab/small]}
"""
CALLERS = "callers: [{name: ci, key: gw-secret-2, labels: {team: red}, models: [small]}]\n"
SECRETS = ("sk-lab-secret-1", "gw-secret-2", "sk-own-secret-3")

NO_KEYS = dict.fromkeys(
    (
        *("OPENAI_API_KEY", "OPENROUTER_API_KEY", "MISTRAL_API_KEY", "OLLAMA_BASE_URL", "CUSTOM_PROVIDER_BASE_URL"),
        *("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "COHERE_API_KEY", "CO_API_KEY"),
        *("AWS_ACCESS_KEY_ID", "AWS_BEARER_TOKEN_BEDROCK", "CLOUDSDK_AUTH_ACCESS_TOKEN"),
    ),
    "",
)


def call(*arguments: str, stdin: str | None = None, environment: Mapping[str, str] = {}) -> Result:
    """Piped: CliRunner's streams are no terminal."""
    screen.out.file = screen.complaints.file = None  # what a console holds of another test's streams
    return CliRunner().invoke(application(), arguments, input=stdin, env={**NO_KEYS, **environment})


def process(*arguments: str, cwd: Path, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in NO_KEYS}
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-m", "extproc", *arguments],
        cwd=cwd,
        env={**environment, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
