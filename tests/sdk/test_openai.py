"""The official client library, in both generations, needs nothing but another base URL."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.envoy.gateway import environment, free_port, running
from tests.envoy.processes import eventually
from tests.sdk.conftest import CALLER, Stage
from tests.sdk.environments import AIMOCK, Environment
from tests.sdk.translated import TRANSLATED
from tests.upstreams.formats import FORMATS

SCRIPTS = Path(__file__).parent / "scripts"
# Formats that the mock has right, as far as translated answers go.
MOCKED = [name for name in TRANSLATED if name in ("anthropic", "gemini", "cohere", "ollama")]
SUBJECTS = ("chat", "tools", "parsed", "responses", "others", "errors", "asynchronous", "azure")


def run(generation: Environment, subject: str, *arguments: str) -> None:
    """A script says nothing when all it asserts holds."""
    command = [str(generation.python), str(SCRIPTS / f"{subject}.py"), *arguments]
    clean = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=clean, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_client_library_works_unchanged(stage: Stage, generation: Environment, subject: str) -> None:
    run(generation, subject, f"{stage.gateway.url}/v1", CALLER)


def test_a_base_url_without_a_version_works_too(stage: Stage, generation: Environment) -> None:
    run(generation, "chat", stage.gateway.url, CALLER)


# --- against a mock written by others --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mocked(generation: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway in front of aimock; its address."""
    if why := AIMOCK.why_missing():
        pytest.skip(why)
    node = shutil.which("node")
    assert node is not None
    port = free_port()
    script = AIMOCK.home / "node_modules/@copilotkit/aimock/dist/cli.js"
    fixtures = Path(__file__).parent / "aimock"
    log = (tmp_path_factory.mktemp("aimock") / "log").open("w")
    with (
        log,
        subprocess.Popen([node, str(script), "-p", str(port), "-f", str(fixtures)], stdout=log, stderr=log) as mock,
    ):
        try:
            eventually(lambda: _answers(port), "aimock", 20)
            origin = f"http://127.0.0.1:{port}"
            providers = {name: {"dialect": name, "base_url": origin, "models": [_named(name)]} for name in MOCKED}
            providers["mock"] = {"dialect": "openai", "base_url": f"{origin}/v1", "models": ["mock"]}
            with running({"providers": providers}) as gateway:
                yield f"{gateway.url}/v1"
        finally:
            mock.terminate()


def _named(dialect: str) -> dict[str, str]:
    return {"name": dialect, "upstream": FORMATS[dialect].model}


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code > 0
    except httpx.HTTPError:
        return False


def test_a_mock_written_by_others(mocked: str, generation: Environment) -> None:
    run(generation, "aimock", mocked, "no-key")


@pytest.mark.parametrize("dialect", MOCKED)
def test_a_mock_written_by_others_in_another_dialect(mocked: str, generation: Environment, dialect: str) -> None:
    run(generation, "aimock_translated", mocked, "no-key", dialect)
