"""`python -m extproc.demo`: one line when ready, sockets while it lives, nothing left when it ends."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from extproc.demo.catalog import PROVIDERS

NAMES = [provider.name for provider in PROVIDERS]


@contextmanager
def demo(directory: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "extproc.demo", "--dir", str(directory)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == {"ready": True, "providers": NAMES}


def client(directory: Path, name: str) -> httpx.Client:
    transport = httpx.HTTPTransport(uds=str(directory / f"{name}.sock"))
    headers = {"authorization": f"Bearer demo-{name}", "anthropic-version": "2023-06-01"}
    return httpx.Client(transport=transport, base_url="http://demo", headers=headers)


def test_all_answer_on_sockets_of_their_own(tmp_path: Path) -> None:
    with demo(tmp_path / "sockets") as process:
        wait_ready(process)
        for name in NAMES:
            with client(tmp_path / "sockets", name) as provider:
                assert provider.get("/healthz").json() == {"status": "ok", "provider": name}
                models = [each["id"] for each in provider.get("/v1/models").json()["data"]]
                assert "demo-chat" in models


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, None])
def test_ends_soon_without_a_trace_even_with_requests_open(tmp_path: Path, how: signal.Signals | None) -> None:
    with demo(tmp_path) as process:
        wait_ready(process)
        with socket.socket(socket.AF_UNIX) as idle, client(tmp_path, "swift") as provider:
            idle.connect(str(tmp_path / "thrifty.sock"))
            with pytest.raises(httpx.ReadTimeout):
                provider.post("/v1/chat/completions", json={"model": "fault-hang"}, timeout=0.2)
            stream = {"model": "demo-chat", "messages": [{"role": "user", "content": "x"}], "stream": True}
            with provider.stream("POST", "/v1/chat/completions", json=stream) as answer:
                next(answer.iter_bytes())
                began = time.monotonic()
                if how is None:
                    assert process.stdin is not None
                    process.stdin.close()
                else:
                    process.send_signal(how)
                assert process.wait(5) == 0
                assert time.monotonic() - began < 1
        assert process.stderr is not None and process.stderr.read() == ""
        assert list(tmp_path.iterdir()) == []


def test_a_socket_left_behind_is_taken_over_and_other_files_are_not(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "swift.sock"))
    with demo(tmp_path) as process:
        wait_ready(process)
        process.terminate()
        assert process.wait(5) == 0
    (tmp_path / "flaky.sock").write_text("mine")
    with demo(tmp_path) as process:
        assert process.wait(5) == 1
        assert process.stderr is not None and "extproc.demo:" in process.stderr.read()
    assert [each.name for each in tmp_path.iterdir()] == ["flaky.sock"]


def test_a_path_too_long_for_a_socket_is_said(tmp_path: Path) -> None:
    with demo(tmp_path / ("long" * 30)) as process:
        assert process.wait(5) == 1
        assert process.stderr is not None and "must not exceed" in process.stderr.read()
