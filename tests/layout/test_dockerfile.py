"""The Dockerfile, as far as it can be tried without a container: its instructions, and its own steps in an empty
environment, ended by its own command and asked by its own health check."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.envoy.gateway import environment, free_port
from tests.envoy.processes import eventually
from tests.layout.dockerfile import Instruction, instructions
from tests.layout.tools import ROOT

ALL = instructions(ROOT / "Dockerfile")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NOT_REACHED = re.compile(r"connection|resolve|No matching distribution|timed out|Network", re.IGNORECASE)
ROUTES = "providers: {lab: {dialect: openai, base_url: 'http://127.0.0.1:1/v1'}}\ncallers: [{name: a, key: k}]\n"


def every(name: str, stage: int | None = None) -> list[Instruction]:
    return [one for one in ALL if one.name == name and stage in (None, one.stage)]


def the(name: str, stage: int | None = None) -> Instruction:
    (one,) = every(name, stage)
    return one


LAST = max(one.stage for one in ALL)


def test_what_it_copies_is_there_and_reaches_the_build() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [source for one in every("COPY", 0) for source in one.words[:-1]]
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source.rstrip('/')}" in ignored, f"{source} is kept out by .dockerignore"
    assert "*" in ignored, "a key in the directory must not come into an image"
    assert PROJECT["readme"] in copied


def test_bases_are_pinned_by_tag_and_name_no_registry() -> None:
    assert the("ARG").text == "PYTHON=3.12-slim-bookworm"
    assert [one.words[0] for one in every("FROM")] == ["python:${PYTHON}"] * 2


def test_it_runs_as_nobody_in_particular_and_never_as_root() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", the("USER", LAST).text)
    assert ALL.index(the("USER", LAST)) < ALL.index(the("ENTRYPOINT", LAST))


def test_its_labels_are_the_packages_words() -> None:
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', the("LABEL").text))
    assert labels == {"title": "extproc", "description": PROJECT["description"], "version": PROJECT["version"]}


# --- its steps, in an empty environment ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    """The build stage's RUN, with the copied files alone, and with other places for /wheels and /opt/extproc."""
    home = Path(tempfile.mkdtemp(prefix="img-"))
    source = home / "src"
    for one in every("COPY", 0):
        *names, target = one.words
        for name in names:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, source / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                source.mkdir(exist_ok=True)
                shutil.copy(ROOT / name, source / target)
    command = the("RUN", 0).text.replace("/wheels", f"{home}/wheels").replace("/opt/extproc", f"{home}/venv")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", command], cwd=source, env=environment(PATH=path), capture_output=True, text=True, check=False
    )
    try:
        if done.returncode and NOT_REACHED.search(done.stderr):
            pytest.skip(f"pip reaches no packages: {done.stderr.splitlines()[-1][:200]}")
        assert done.returncode == 0, done.stderr[-2000:]
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_the_wheel_holds_the_package_and_what_it_reads_and_nothing_else(built: Path) -> None:
    (wheel,) = (built / "wheels").iterdir()
    inside = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in inside} == {"extproc", f"extproc_gateway-{PROJECT['version']}.dist-info"}
    read = [
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "extproc").rglob("*")
        if file.suffix in (".py", ".json", ".lua", ".yaml", ".pyi", ".typed") and "__pycache__" not in file.parts
    ]
    assert sorted(set(read) - set(inside)) == []


def test_its_command_starts_the_gateway_and_its_health_check_sees_that(built: Path) -> None:
    routes, runs = built / "etc", built / "t"
    routes.mkdir()
    runs.mkdir()
    (routes / "extproc.yaml").write_text(ROUTES)
    port, admin = free_port(), free_port()
    programs = built / "venv" / "bin"
    words = [word.replace("/etc/extproc", str(routes)) for word in the("CMD").exec_form]
    command = [str(programs / the("ENTRYPOINT").exec_form[0]), *words, "--port", str(port), "--admin-port", str(admin)]
    python, *asking = the("HEALTHCHECK").exec_form
    health = [str(programs / python), *(word.replace("8081", str(admin)) for word in asking)]

    def check() -> int:
        return subprocess.run(health, capture_output=True, check=False, cwd="/tmp").returncode

    assert check() == 1
    variables = {"PATH": f"{programs}:/usr/bin:/bin", "TMPDIR": str(runs), "HOME": "/nonexistent"}
    with (built / "said").open("w") as said:
        process = subprocess.Popen(command, env=variables, cwd="/tmp", stdout=said, stderr=said)
    try:
        eventually(lambda: process.poll() is not None or check() == 0, (built / "said").read_text(), 60)
        assert process.poll() is None, (built / "said").read_text()
    finally:
        process.send_signal(getattr(signal, the("STOPSIGNAL").text))
        assert process.wait(30) == 0
    assert check() == 1
    assert list(runs.iterdir()) == []
