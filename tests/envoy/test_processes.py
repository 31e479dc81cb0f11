"""The processes of one gateway: who they are, and what becomes of traffic when one of them dies or is told to end."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import command_line, descendants, eventually, is_alive, tcp_ports_listened_on
from tests.envoy.upstream import LAST_CHUNK, SSE_HEAD, Asked, chunk, scripted

CANNOT_START = 3
FREE_LOAD = 0.02  # seconds between requests


@pytest.fixture
def gateway(demos: dict[str, Demo]) -> Iterator[Gateway]:
    with running({"providers": {"lab": demos["lab"].configured()}}) as gateway:
        yield gateway


def ask(gateway: Gateway) -> httpx.Response:
    return httpx.post(gateway.url + CHAT, json=body("m"), trust_env=False, timeout=10)


def test_only_two_ports_are_opened(gateway: Gateway) -> None:
    """Envoy's admin and the processors are on Unix sockets, in a directory that is its owner's alone."""
    assert gateway.process is not None
    family = {gateway.process.pid, *descendants(gateway.process.pid)}
    assert tcp_ports_listened_on(family) == {gateway.port, gateway.admin_port}
    (run,) = gateway.runs.iterdir()
    assert run.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="this system has no /proc")
def test_envoy_does_not_write_into_the_pipe_of_the_decision_log(gateway: Gateway) -> None:
    """It writes much at a time, which a pipe takes in pieces, with lines of the processor between them."""
    envoy, processor = (os.readlink(f"/proc/{pid}/fd/1") for pid in (gateway.envoy_pid, gateway.processor_pid))
    assert envoy != processor
    assert ask(gateway).status_code == 200
    eventually(lambda: len(gateway.lines("exchange")) == len(gateway.lines("access")) == 1, "a line of each", 20)


def test_both_ports_are_on_loopback_only(gateway: Gateway) -> None:
    for port in (gateway.port, gateway.admin_port):
        elsewhere = _own_address()
        if elsewhere is None:
            continue
        with pytest.raises(OSError), socket.create_connection((elsewhere, port), timeout=1):
            pass


def _own_address() -> str | None:
    """An address of this machine that is not loopback; asking for a route sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address


def test_the_processor_is_a_process_of_its_own(gateway: Gateway) -> None:
    assert gateway.process is not None
    assert len({gateway.process.pid, gateway.processor_pid, gateway.envoy_pid}) == 3
    assert "envoy" in command_line(gateway.envoy_pid)
    assert {gateway.processor_pid, gateway.envoy_pid} <= descendants(gateway.process.pid)


def test_no_secret_stands_on_a_command_line(gateway: Gateway, lab: Demo) -> None:
    assert gateway.process is not None
    for pid in (gateway.process.pid, *descendants(gateway.process.pid)):
        assert lab.key not in command_line(pid)


# --- the processor dies ----------------------------------------------------------------------------------------------


class Load:
    """Four clients, each with its connection, asking all the time."""

    def __init__(self, gateway: Gateway) -> None:
        self.outcomes: list[tuple[int, str]] = []
        self.broken: list[str] = []
        self._gateway = gateway
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(4)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        time.sleep(0.5)
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(0.5)
        self._stop.set()
        for thread in self._threads:
            thread.join(15)

    def _ask(self) -> None:
        with httpx.Client(trust_env=False, timeout=10) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post(self._gateway.url + CHAT, json=body("m"))
                    code = "" if answer.status_code == 200 else answer.json()["error"]["code"]
                    self.outcomes.append((answer.status_code, code))
                except (httpx.HTTPError, ValueError) as error:
                    self.broken.append(repr(error))
                time.sleep(FREE_LOAD)


def until_another_processor(gateway: Gateway, before: int) -> None:
    eventually(lambda: gateway.is_ready() and gateway.processor_pid != before, "another processor", 20)


def test_a_killed_processor_is_refused_cleanly_and_comes_back(gateway: Gateway) -> None:
    """Under load: every answer is a 200 or a 503 in JSON, no connection breaks, Envoy stays; then all is well again."""
    processor, envoy = gateway.processor_pid, gateway.envoy_pid
    with Load(gateway) as load:
        os.kill(processor, signal.SIGKILL)
        until_another_processor(gateway, processor)
    assert load.broken == []
    assert set(load.outcomes) <= {(200, ""), (503, "processor_unavailable")}, set(load.outcomes)
    assert load.outcomes[0][0] == 200
    assert [ask(gateway).status_code for _ in range(20)] == [200] * 20
    assert gateway.envoy_pid == envoy


def test_a_processor_that_is_told_to_end_fails_nobody(gateway: Gateway) -> None:
    """It drains, Envoy waits for its successor, and every request under load is answered."""
    processor = gateway.processor_pid
    with Load(gateway) as load:
        os.kill(processor, signal.SIGTERM)
        until_another_processor(gateway, processor)
    assert load.broken == []
    assert {outcome for outcome in load.outcomes if outcome[0] != 200} == set()
    assert len(load.outcomes) > 50


def test_a_processor_that_keeps_dying_is_started_again_each_time(gateway: Gateway) -> None:
    for _ in range(3):
        before = gateway.processor_pid
        os.kill(before, signal.SIGKILL)
        eventually(lambda: gateway.is_ready() and gateway.processor_pid != before, "another processor", 20)  # noqa: B023
        assert ask(gateway).status_code == 200


def test_readyz_tells_that_no_processor_answers(gateway: Gateway) -> None:
    pid = gateway.processor_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: gateway.readyz().status_code == 503, "a readyz that is not ready")
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(gateway.is_ready, "a readyz that is ready again")


# --- the end ---------------------------------------------------------------------------------------------------------


async def short_stream(_: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(SSE_HEAD)
    for _number in range(10):
        writer.write(chunk(b'data: {"choices":[]}\n\n'))
        await writer.drain()
        await asyncio.sleep(0.15)
    writer.write(chunk(b"data: [DONE]\n\n") + LAST_CHUNK)
    await writer.drain()


@pytest.mark.parametrize("attend", [False, True], ids=["unattended", "attended"])
def test_sigterm_lets_open_exchanges_end(attend: bool) -> None:
    """Within `--drain`; nobody new gets in meanwhile, and the exit code is 0."""
    with scripted(short_stream) as upstream:
        config = {
            "providers": {"one": {"dialect": "openai", "base_url": f"{upstream.origin}/v1"}},
            "routes": [{"match": {"path": "/v1/*"}, "attend": attend}],
        }
        gateway = Gateway(config, ("--drain", "10s")).start()
        said: list[str] = []
        thread = threading.Thread(target=lambda: said.append(_stream(gateway)), daemon=True)
        thread.start()
        eventually(lambda: upstream.asked, "the stream's beginning")
        time.sleep(0.2)
        assert gateway.process is not None
        began = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        gateway.process.wait(15)
        took = time.monotonic() - began
        thread.join(5)
        assert gateway.stop() == 0
    assert said and said[0].endswith("data: [DONE]\n\n"), said
    assert took < 8, "it waited for nobody"


def _stream(gateway: Gateway) -> str:
    try:
        content = body("m", stream=True)
        return httpx.post(gateway.url + CHAT, json=content, trust_env=False, timeout=30).text
    except httpx.HTTPError as error:
        return repr(error)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_idle_gateway_ends_within_seconds(demos: dict[str, Demo], number: signal.Signals) -> None:
    gateway = Gateway({"providers": {"lab": demos["lab"].configured()}}).start()
    assert gateway.process is not None
    gateway.family()
    began = time.monotonic()
    gateway.process.send_signal(number)
    assert gateway.process.wait(10) == 0
    assert time.monotonic() - began < 4
    gateway.stop()
    assert "Traceback" not in gateway.err.text()


def test_a_killed_supervisor_leaves_no_process(demos: dict[str, Demo]) -> None:
    """Even SIGKILL, which it cannot answer: its children notice that it is gone."""
    gateway = Gateway({"providers": {"lab": demos["lab"].configured()}}).start()
    assert gateway.process is not None
    family = set(gateway.family())
    gateway.process.kill()
    gateway.process.wait(5)
    try:
        eventually(lambda: not [pid for pid in family if is_alive(pid)], "children that outlive their parent", 10)
    finally:
        gateway.end_by_force()


def test_without_envoy_there_is_no_gateway(demos: dict[str, Demo]) -> None:
    gateway = Gateway({"providers": {"lab": demos["lab"].configured()}}).start()
    assert gateway.process is not None
    gateway.family()
    os.kill(gateway.envoy_pid, signal.SIGKILL)
    assert gateway.process.wait(15) == CANNOT_START
    gateway.assert_nothing_left()
    gateway.end_by_force()
    lines = [line for line in gateway.err.said if "Envoy ended" in line]
    assert len(lines) == 1 and "Traceback" not in gateway.err.text(), gateway.err.text()


# --- two at once -----------------------------------------------------------------------------------------------------


def test_two_gateways_run_on_one_machine(gateway: Gateway, other: Demo) -> None:
    with running({"providers": {"other": other.configured()}}) as second:
        assert ask(gateway).headers[names.TARGET] == "lab/m"
        assert ask(second).headers[names.TARGET] == "other/m"
        assert not {gateway.envoy_pid, gateway.processor_pid} & {second.envoy_pid, second.processor_pid}
    assert ask(gateway).status_code == 200
