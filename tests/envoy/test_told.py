"""What `up` tells whoever runs it: systemd by its socket, and probes on an address of their choice."""

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from extproc.app.init_system import ALIVE, READY, STOPPING
from tests.envoy.demo import Demo
from tests.envoy.gateway import Gateway, running


@pytest.fixture
def systemd() -> Iterator[socket.socket]:
    """Hears what is told, as systemd does; its name is that of the socket."""
    with tempfile.TemporaryDirectory(prefix="n", dir="/tmp") as directory, socket.socket(socket.AF_UNIX, 2) as listener:
        listener.bind(str(Path(directory) / "notify"))
        listener.settimeout(40)
        yield listener


def test_systemd_is_told_when_requests_would_succeed_that_it_lives_and_that_it_ends(
    systemd: socket.socket, demos: dict[str, Demo]
) -> None:
    environment = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "200000"}
    gateway = Gateway({"providers": {"lab": demos["lab"].configured()}}, more_environment=environment).launch()
    try:
        assert systemd.recv(200).decode().splitlines() == [READY, f"STATUS=serving on 127.0.0.1:{gateway.port}"]
        assert gateway.is_ready()
        assert systemd.recv(200) == systemd.recv(200) == ALIVE.encode()
        envoy = gateway.envoy_pid
        os.kill(envoy, signal.SIGSTOP)  # hangs
        try:
            systemd.settimeout(1.0)
            with pytest.raises(TimeoutError):
                for _ in range(100):  # what was on its way
                    systemd.recv(200)
        finally:
            os.kill(envoy, signal.SIGCONT)
        systemd.settimeout(40)
        assert systemd.recv(200) == ALIVE.encode()
        assert gateway.process is not None
        gateway.process.terminate()
        told = systemd.recv(200)
        while told == ALIVE.encode():
            told = systemd.recv(200)
        assert told == STOPPING.encode()
        assert gateway.stop() == 0
    finally:
        gateway.end_by_force()


def test_health_and_metrics_are_where_admin_host_says(demos: dict[str, Demo]) -> None:
    config = {"providers": {"lab": demos["lab"].configured()}}
    with running(config, "--admin-host", "0.0.0.0") as gateway:
        assert httpx.get(f"http://127.0.0.2:{gateway.admin_port}/readyz", trust_env=False).status_code == 200
    with running(config) as gateway, pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.2:{gateway.admin_port}/readyz", trust_env=False)
