"""systemd is told what it asked for, where it listens, and nobody is told anything else."""

import asyncio
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from extproc.app.init_system import ALIVE, READY, InitSystem


@pytest.fixture
def listening() -> Iterator[tuple[str, socket.socket]]:
    with tempfile.TemporaryDirectory(prefix="n", dir="/tmp") as directory, socket.socket(socket.AF_UNIX, 2) as listener:
        path = str(Path(directory) / "notify")
        listener.bind(path)
        listener.settimeout(5)
        yield path, listener


def test_what_is_told_arrives_as_lines(listening: tuple[str, socket.socket]) -> None:
    path, listener = listening
    InitSystem({"NOTIFY_SOCKET": path}).tell(READY, "STATUS=x")
    assert listener.recv(100) == b"READY=1\nSTATUS=x"


def test_an_abstract_socket_is_meant_by_an_at_sign() -> None:
    name = f"extproc-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(5)
        InitSystem({"NOTIFY_SOCKET": f"@{name}"}).tell(READY)
        assert listener.recv(100) == b"READY=1"


def test_nobody_who_asked_or_nobody_who_listens_is_no_failure() -> None:
    InitSystem({}).tell(READY)
    InitSystem({"NOTIFY_SOCKET": "/nowhere/notify"}).tell(READY)


async def test_it_says_that_it_lives_for_as_long_as_it_does(listening: tuple[str, socket.socket]) -> None:
    path, listener = listening
    asked: list[bool] = []

    async def is_alive() -> bool:
        asked.append(True)
        return len(asked) == 1

    environment = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "2000", "WATCHDOG_PID": str(os.getpid())}
    watching = asyncio.create_task(InitSystem(environment).watch(is_alive))
    async with asyncio.timeout(10):
        while len(asked) < 3:
            await asyncio.sleep(0.001)
    watching.cancel()
    assert listener.recv(100) == ALIVE.encode()
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.recv(100)


@pytest.mark.parametrize("more", [{}, {"WATCHDOG_USEC": "2000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}])
async def test_without_a_watchdog_of_ours_nothing_is_asked(more: dict[str, str]) -> None:
    async def is_alive() -> bool:
        raise AssertionError("nobody asked")

    watching = asyncio.create_task(InitSystem({"NOTIFY_SOCKET": "/nowhere", **more}).watch(is_alive))
    await asyncio.sleep(0)
    assert not watching.done()
    watching.cancel()
