"""Starts that cannot be say so in one clear line, with their own exit code, and leave nothing behind."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, environment, running
from tests.envoy.processes import eventually

CANNOT_START = 3


def refused(gateway: Gateway) -> list[str]:
    """What a start that fails says, one line each; and that it left nothing."""
    gateway.launch()
    assert gateway.process is not None
    assert gateway.process.wait(30) == CANNOT_START, gateway.err.text()
    gateway.err.end()
    gateway.assert_nothing_left()
    gateway.end_by_force()
    assert "Traceback" not in gateway.err.text()
    return [line for line in gateway.err.said if line.strip()]


GOOD = {"providers": {"lab": {"dialect": "openai", "base_url": "http://127.0.0.1:9/v1"}}}


@pytest.mark.parametrize("which", ["port", "admin_port"])
def test_a_port_in_use_is_one_clear_line(which: str) -> None:
    gateway = Gateway(GOOD)
    with socket.create_server(("127.0.0.1", getattr(gateway, which))):
        (line,) = refused(gateway)
    assert str(getattr(gateway, which)) in line and "use" in line


def test_a_missing_envoy_is_one_clear_line() -> None:
    (line,) = refused(Gateway(GOOD, ("--envoy", "/nowhere/envoy")))
    assert "/nowhere/envoy" in line


SECURE = {"providers": {"far": {"dialect": "openai", "base_url": "https://api.far.test/v1", "credential": "k"}}}


@pytest.mark.parametrize("said", ["missing.pem", "."])
def test_a_ca_bundle_that_cannot_be_used_is_one_clear_line(tmp_path: Path, said: str) -> None:
    """A name of no file, a directory: whoever set it wants that one and no other."""
    bundle = str(tmp_path / said)
    (line,) = refused(Gateway(SECURE, more_environment={"SSL_CERT_FILE": bundle}))
    assert f"SSL_CERT_FILE={bundle}: " in line and "PEM" in line


def test_without_https_upstreams_nobody_needs_a_ca_bundle(tmp_path: Path) -> None:
    """A change to one that does is refused, and says so; the rest goes on."""
    with running(GOOD, more_environment={"SSL_CERT_FILE": str(tmp_path / "missing.pem")}) as gateway:
        gateway.write_config(SECURE)
        eventually(lambda: "SSL_CERT_FILE" in (gateway.status()["config"]["error"] or ""), "the change is refused")
        assert gateway.is_ready()


def test_something_that_is_no_envoy_is_one_clear_line(tmp_path: Path) -> None:
    wrong = tmp_path / "envoy"
    wrong.write_text("#!/bin/sh\nexit 7\n")
    wrong.chmod(0o755)
    (line,) = refused(Gateway(GOOD, ("--envoy", str(wrong))))
    assert "nvoy" in line


def test_a_bad_configuration_names_file_and_line() -> None:
    text = "providers:\n  lab:\n    dialect: openai\n    bse_url: http://127.0.0.1:9/v1\naliases:\n  a: [labb/m]\n"
    gateway = Gateway(text)
    lines = refused(gateway)
    assert any(f"{gateway.file}:4" in line and "base_url" in line for line in lines), lines
    check = subprocess.run(
        [sys.executable, "-m", "extproc", "check", str(gateway.file)],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert check.returncode != 0


def test_check_prints_file_and_line_of_every_error(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("providers:\n  lab:\n    dialect: opnai\n    bse_url: x\nrouts: []\n")
    command = [sys.executable, "-m", "extproc", "check", str(file)]
    check = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    said = check.stdout + check.stderr
    assert check.returncode != 0
    for line in (3, 4, 5):
        assert f"{file}:{line}:" in said, said
    file.write_text(json.dumps(GOOD))
    assert subprocess.run(command, capture_output=True, env=environment(), check=False).returncode == 0


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    (line,) = refused(Gateway(GOOD, source=tmp_path / "none.yaml"))
    assert "none.yaml" in line


def test_strangers_are_refused_unless_it_is_meant(demos: dict[str, Demo]) -> None:
    (line,) = refused(Gateway(GOOD, ("--host", "0.0.0.0")))
    assert "callers" in line and "--open" in line
    with running({"providers": {"lab": demos["lab"].configured()}}, "--host", "0.0.0.0", "--open") as gateway:
        assert httpx.post(gateway.url + CHAT, json=body("m"), trust_env=False).status_code == 200
