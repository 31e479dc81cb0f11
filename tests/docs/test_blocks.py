"""The documents' examples: every YAML block compiles, every JSON block parses, every command exists."""

import json
import re
import shlex
from pathlib import Path

import pytest
import typer.main

from extproc.cli import application
from extproc.config.load import load

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(language, text, id=f"{page.name}-{number}")
    for page in PAGES
    for number, (language, text) in enumerate(BLOCK.findall(page.read_text()), 1)
]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
VERBS = set(typer.main.get_command(application()).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("language", "text"), BLOCKS)
def test_every_block_is_what_it_says(language: str, text: str, tmp_path: Path) -> None:
    match language:
        case "yaml":
            _whole_configuration(text, tmp_path)
        case "json":
            json.loads(text)
        case "python":
            compile(text, "example", "exec")
        case "sh":
            _known_commands(text)
        case _:
            assert language in ("text", "lua", "mermaid", "promql"), f"an unknown kind of block: {language}"


def _whole_configuration(text: str, directory: Path) -> None:
    """Blocks that are a part of a configuration get the providers that they speak of."""
    path = directory / "extproc.yaml"
    whole = (
        text if re.search(r"^providers:", text, re.MULTILINE) else f"{text}\nproviders: {{openai: {{dialect: openai}}}}"
    )
    path.write_text(whole)
    environment = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "k")
    said = [str(problem) for problem in load(path, environment).problems]
    assert [problem for problem in said if not problem.endswith(tuple(_no_such_file(text)))] == []


def _no_such_file(text: str) -> list[str]:
    """What is said of files that an example names and this machine does not have."""
    named = re.findall(r"/etc/[\w./-]+", text)
    return ["a file that no example names", *(f"no such file or directory (looked for {file})" for file in named)]


def _known_commands(text: str) -> None:
    for line in re.sub(r"\\\n", " ", text).splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        program = words[0].rpartition("/")[2]
        if program == "make":
            assert words[1] in TARGETS
        elif program == "extproc":
            assert words[1] in VERBS
        else:
            assert program in ("curl", "pip", "kubectl", "export"), f"an unknown program: {program}"
