"""`up`, `serve`, `version`, help: what a start refuses, in which words and with which exit code."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from extproc.cli import check as check_verb
from extproc.cli import explain, init, serve, sign, up, verify, version
from extproc.version import VERSION
from tests.cli.running import NO_KEYS, ONE, call, process

VERBS = (up, init, check_verb, explain, sign, verify, serve, version)


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that somebody else listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "g.yaml"
    file.write_text(ONE)
    return str(file)


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 3, result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert result.stdout == ""
    assert lines[0].startswith("extproc: ")
    return lines[0]


# --- words -----------------------------------------------------------------------------------------------------------


def test_version_tells_all_three_as_json_when_piped() -> None:
    result = call("version")
    told = json.loads(result.stdout)
    assert (told["extproc"], told["python"]) == (VERSION, sys.version.split()[0])
    assert told["envoy"]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.NAME)
def test_every_verb_shows_an_example_that_begins_with_its_own_name(verb) -> None:
    result = call(verb.NAME, "--help")
    assert result.exit_code == 0
    words = " ".join(result.stdout.split())
    assert "Example" in words
    assert f"extproc {verb.NAME}" in words


def test_help_lists_every_verb_and_exit_code() -> None:
    result = call("--help")
    assert all(verb.NAME in result.stdout for verb in VERBS)
    assert "3 cannot start" in " ".join(result.stdout.split())
    assert "--snapshot" not in call("serve", "--help").stdout and "--keys" not in call("serve", "--help").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["serve"],
        ["up", "--port", "0"],
        ["up", "--drain", "soon"],
        ["up", "--workers", "0"],
        ["up", "--workers", "33"],
        ["serve", "--listen", "127.0.0.1:1", "--workers", "-1"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str]) -> None:
    assert call(*arguments).exit_code == 2


def test_python_m_extproc_is_the_command(tmp_path: Path) -> None:
    result = process("version", cwd=tmp_path)
    assert result.returncode == 0
    assert json.loads(result.stdout)["extproc"] == VERSION


# --- serve -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [["up"], ["serve", "--listen", "unix:///tmp/never.sock"]], ids=["up", "serve"])
def test_a_bad_configuration_stops_a_start_with_every_mistake(verb: list[str], tmp_path: Path) -> None:
    file = tmp_path / "b.yaml"
    file.write_text("providers: {a: {dialect: opnai}, b: {dialect: nothing}}\n")
    result = process(*verb, "-c", str(file), cwd=tmp_path)
    assert result.returncode == 3
    assert len(result.stderr.splitlines()) == 2
    assert "providers.a.dialect" in result.stderr
    assert f"{file}:1" in result.stderr.replace("\n", "")


@pytest.mark.parametrize("verb", [["up"], ["serve", "--listen", "unix:///tmp/never.sock"]], ids=["up", "serve"])
def test_a_configuration_that_is_not_there_is_said(verb: list[str], tmp_path: Path) -> None:
    result = process(*verb, "-c", "gone.yaml", cwd=tmp_path)
    assert result.returncode == 3
    assert "gone.yaml" in result.stderr
    assert "no such file" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_directory_for_envoy_that_cannot_be_made_is_said(config: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = one_line(process("serve", "-c", config, "--xds", "file/xds", cwd=tmp_path))
    assert "--xds file/xds: the directory cannot be made" in said


def test_serve_without_any_configuration_says_how_to_give_one(tmp_path: Path) -> None:
    assert "-c" in one_line(process("serve", "--listen", "127.0.0.1:0", cwd=tmp_path))


@pytest.mark.parametrize(
    ("listen", "says"),
    [
        ("127.0.0.1:65535", "2 workers need ports up to 65536"),
        ("127.0.0.1:0", "several workers need ports that Envoy can be told"),
        ("unix:///tmp/" + "d" * 99 + "/x", "is longer than the 107 bytes"),
        ("unix:///nowhere/x.sock", "/nowhere/x.0.sock: no such directory"),
    ],
)
def test_what_several_workers_cannot_listen_on_is_said(listen: str, says: str, config: str, tmp_path: Path) -> None:
    assert says in one_line(process("serve", "-c", config, "--listen", listen, "--workers", "2", cwd=tmp_path))


def test_several_workers_take_no_port_from_others(taken: str, config: str, tmp_path: Path) -> None:
    """Workers take over from each other, so the keeper looks first."""
    host, _, port = taken.rpartition(":")
    before = f"{host}:{int(port) - 1}"
    said = one_line(process("serve", "-c", config, "--listen", before, "--workers", "2", cwd=tmp_path))
    assert "already in use" in said


@pytest.mark.parametrize("address", ["0.0.0.0:50051", "[::]:50051", ":50051"])
def test_serve_beyond_this_machine_without_callers_is_refused_with_the_way_out(address: str, config: str) -> None:
    result = call("serve", "-c", config, "--listen", address)
    assert result.exit_code == 3
    assert "would let anybody spend your keys" in result.stderr
    assert "--open" in result.stderr


@pytest.mark.parametrize(
    "listen", ["nonsense", "127.0.0.1:http", "127.0.0.1:99999", "unix:///gone/far/s", f"unix:///tmp/{'x' * 120}"]
)
def test_an_address_that_is_none_is_one_line(listen: str, config: str, tmp_path: Path) -> None:
    one_line(process("serve", "-c", config, "--listen", listen, cwd=tmp_path))


def test_a_port_in_use_is_one_line(config: str, taken: str, tmp_path: Path) -> None:
    assert "already in use" in one_line(process("serve", "-c", config, "--listen", taken, cwd=tmp_path))


@pytest.mark.parametrize("xds", ["g.yaml", "g.yaml/x", "/proc/x"])
def test_a_directory_for_envoy_that_cannot_be_made_is_one_line(xds: str, config: str, tmp_path: Path) -> None:
    assert "--xds " in one_line(process("serve", "-c", config, "--xds", xds, cwd=tmp_path))


@pytest.mark.parametrize("admin", ["taken", "8081", "nonsense", "127.0.0.1:99999", "unix:///gone/far/s"])
def test_an_admin_address_that_cannot_be_is_one_line_and_leaves_no_socket(
    admin: str, config: str, taken: str, tmp_path: Path
) -> None:
    wanted = taken if admin == "taken" else admin
    result = process("serve", "-c", config, "--listen", f"unix://{tmp_path}/s", "--admin", wanted, cwd=tmp_path)
    assert wanted in one_line(result)
    assert not (tmp_path / "s").exists()


def started(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name not in NO_KEYS}
    return subprocess.Popen(
        [sys.executable, "-m", "extproc", *arguments],
        cwd=cwd,
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def eventually(running: subprocess.Popen[str], admin: Path, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What /readyz says once it holds."""
    deadline = time.monotonic() + 20
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(admin)), base_url="http://processor") as http:
        while time.monotonic() < deadline:
            assert running.poll() is None, running.stderr.read() if running.stderr else ""
            with contextlib.suppress(httpx.HTTPError):
                told: dict[str, Any] = http.get("/readyz").json()
                if holds(told):
                    return told
            time.sleep(0.05)
    raise AssertionError("it never came to that")


def test_open_lets_strangers_in_and_a_signal_ends_it_cleanly(config: str, tmp_path: Path) -> None:
    admin = tmp_path / "admin"
    running = started(
        "serve", "-c", config, "--listen", "0.0.0.0:0", "--admin", f"unix://{admin}", "--open", cwd=tmp_path
    )
    try:
        assert eventually(running, admin, lambda told: told["status"] == "ready")
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0
        assert not admin.exists()
    finally:
        running.kill()
        running.communicate()


def test_a_key_in_a_file_may_rotate_while_serve_runs(config: str, tmp_path: Path) -> None:
    admin, key = tmp_path / "admin", tmp_path / "key"
    key.write_text("gw-one")
    Path(config).write_text(f"{ONE}callers: [{{name: ci, key: {{file: key}}}}]\n")
    running = started(
        "serve", "-c", config, "--listen", f"unix://{tmp_path}/s", "--admin", f"unix://{admin}", cwd=tmp_path
    )
    try:
        first = eventually(running, admin, lambda told: told["status"] == "ready")["config"]["hash"]

        def rotated(told: dict[str, Any]) -> bool:
            key.write_text("gw-two")  # again and again: the watcher may have begun after the first time
            return bool(told["config"]["hash"] != first)

        assert eventually(running, admin, rotated)["config"]["error"] is None
    finally:
        running.kill()
        running.communicate()


# --- up --------------------------------------------------------------------------------------------------------------


def test_up_beyond_this_machine_without_callers_is_refused_with_the_way_out(config: str, tmp_path: Path) -> None:
    said = one_line(process("up", "-c", config, "--host", "0.0.0.0", "--envoy", sys.executable, cwd=tmp_path))
    assert "would let anybody spend your keys" in said
    assert "--open" in said


def test_up_without_an_envoy_says_so(config: str, tmp_path: Path) -> None:
    said = one_line(process("up", "-c", config, "--envoy", "no-such-envoy", cwd=tmp_path))
    assert "--envoy no-such-envoy" in said


@pytest.mark.parametrize("option", ["--port", "--admin-port"])
def test_ups_port_in_use_is_one_line_that_names_the_option(
    option: str, config: str, taken: str, tmp_path: Path
) -> None:
    ports = {"--port": free_port(), "--admin-port": free_port(), option: taken.rpartition(":")[2]}
    given = [text for pair in ports.items() for text in pair]
    said = one_line(process("up", "-c", config, "--envoy", sys.executable, *given, cwd=tmp_path))
    assert f"{taken} is in use" in said
    assert f"{option} or {option.replace('port', 'host')}" in said
