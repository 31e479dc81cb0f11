"""What a running gateway sees of its targets: speed of the attempt and not of the walk, who is busy, what is left."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.running import call
from tests.envoy.demo import CHAT, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually
from tests.envoy.upstream import LAST_CHUNK, SSE_HEAD, Asked, Script, chunk, scripted, whole

FAST_FIRST, FAST_EACH = 0.1, 0.02
SLOW_FIRST, SLOW_EACH = 0.5, 0.06
PIECES = 6
FAILS_AFTER = 0.3
TOLERANCE = 0.1  # seconds: the machine has other work
USAGE = {"prompt_tokens": 40, "completion_tokens": PIECES + 1, "prompt_tokens_details": {"cached_tokens": 10}}
LIMITS = b"x-ratelimit-remaining-requests: 41\r\nx-ratelimit-limit-requests: 60\r\nx-ratelimit-reset-requests: 6m0s\r\n"
PIECE = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}],"usage":null}\n\n'
LAST = b'data: {"choices":[],"usage":' + json.dumps(USAGE).encode() + b"}\n\ndata: [DONE]\n\n"
HEAD = SSE_HEAD.replace(b"\r\n\r\n", b"\r\n" + LIMITS + b"\r\n")


def streaming(first: float, each: float, hold: Callable[[], bool] = lambda: False) -> Script:
    """Headers at once, the first piece later: what a header's time would say is not what a caller waits for."""

    async def script(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        await writer.drain()
        await asyncio.sleep(first)
        for _ in range(PIECES):
            writer.write(chunk(PIECE))
            await writer.drain()
            await asyncio.sleep(each)
        while hold():
            await asyncio.sleep(0.02)
        writer.write(chunk(LAST) + LAST_CHUNK)
        await writer.drain()

    return script


async def failing(_: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(FAILS_AFTER)
    writer.write(whole(b'{"error":{"message":"no"}}', 500))


class Held:
    """A stream that a test ends when it wants to, in one way or the other."""

    def __init__(self) -> None:
        self.holds = threading.Event()
        self.dies = threading.Event()

    async def script(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await streaming(0.0, 0.0, self._goes_on)(asked, _Dying(writer, self.dies))  # type: ignore[arg-type]

    def _goes_on(self) -> bool:
        if self.dies.is_set():
            raise ConnectionResetError
        return self.holds.is_set()


class _Dying:
    def __init__(self, writer: asyncio.StreamWriter, dies: threading.Event) -> None:
        self._writer = writer
        self._dies = dies

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)


@pytest.fixture(scope="module")
def held() -> Held:
    return Held()


@pytest.fixture(scope="module")
def config(held: Held) -> Iterator[dict[str, Any]]:
    with contextlib.ExitStack() as stack:
        scripts: dict[str, Script] = {
            "fast": streaming(FAST_FIRST, FAST_EACH),
            "slow": streaming(SLOW_FIRST, SLOW_EACH),
            "bad": failing,
            "held": held.script,
        }
        origins = {name: stack.enter_context(scripted(script)).origin for name, script in scripts.items()}
        providers = {
            name: {"dialect": "openai", "base_url": f"{origin}/v1", "models": ["m"]} for name, origin in origins.items()
        }
        yield {"providers": providers, "aliases": {"walk": ["bad/m", "slow/m"]}}


@pytest.fixture(scope="module")
def gateway(config: dict[str, Any]) -> Iterator[Gateway]:
    with running(config) as gateway:
        yield gateway


def seen(gateway: Gateway) -> dict[str, Any]:
    answer = httpx.get(f"{gateway.admin}/observations", trust_env=False).raise_for_status()
    return dict(answer.json()["targets"])


def in_flight(gateway: Gateway, target: str) -> int:
    return int(seen(gateway).get(target, {}).get("in_flight", 0))


def ask(gateway: Gateway, model: str) -> httpx.Response:
    return httpx.post(gateway.url + CHAT, json=body(model, stream=True), trust_env=False, timeout=20)


def test_speed_is_the_attempts_own(gateway: Gateway) -> None:
    """The slow one is reached over one that fails late, and still is as fast as it is."""
    for model in ("fast/m", "fast/m", "fast/m", "walk", "walk", "walk"):
        assert ask(gateway, model).status_code == 200
    eventually(lambda: seen(gateway).get("slow/m", {}).get("per_token", {}).get("samples") == 3, "three measures")
    found = seen(gateway)
    for target, first, each in (("fast/m", FAST_FIRST, FAST_EACH), ("slow/m", SLOW_FIRST, SLOW_EACH)):
        told = found[target]
        assert told["first_token"]["0"]["value"] == pytest.approx(first, abs=TOLERANCE)
        assert told["per_token"]["value"] == pytest.approx(each, abs=TOLERANCE / PIECES)
        assert told["latency_p95"]["value"] >= first * 0.98
        assert 0 <= told["first_token"]["0"]["age"] < 30 and told["first_token"]["0"]["samples"] == 3
        assert told["errors"]["value"] == 0 and told["cached_share"]["value"] == 0.25
        assert told["requests_left"]["value"] == 41
    assert found["bad/m"]["errors"] == {**found["bad/m"]["errors"], "value": 1.0, "samples": 3}
    assert "first_token" not in found["bad/m"] and "per_token" not in found["bad/m"]
    outputs = httpx.get(f"{gateway.admin}/observations", trust_env=False).json()["outputs"]
    assert {key.partition(" ")[2] for key in outputs} == {"fast/m", "slow/m", "*/m", ""}
    assert {one["value"] for one in outputs.values()} == {PIECES + 1}


def test_metrics_tell_the_same(gateway: Gateway) -> None:
    assert gateway.metric("extproc_target_limit_left", provider="fast", unit="requests") == 41
    assert gateway.metric("extproc_target_token_seconds", provider="slow") == pytest.approx(SLOW_EACH, abs=0.02)
    assert gateway.metric("extproc_decisions_total", provider="bad") == 3


def test_explain_has_the_gateways_eyes(gateway: Gateway) -> None:
    """What was saved replays: a breaker that is shut there is shut in the explanation."""
    for _ in range(2):
        ask(gateway, "walk")
    eventually(lambda: seen(gateway)["bad/m"].get("breaker") == "shut", "bad/m's breaker to be shut")
    request = json.dumps(body("walk"))
    told = call("explain", "-c", str(gateway.file), "--observed", gateway.admin, "-", stdin=request)
    assert json.loads(told.stdout)["plan"] == ["slow/m"]
    saved = Path(gateway.directory) / "saved.json"
    saved.write_bytes(httpx.get(f"{gateway.admin}/observations", trust_env=False).content)
    told = call("explain", "-c", str(gateway.file), "--observed", str(saved), "-", stdin=request)
    assert json.loads(told.stdout)["plan"] == ["slow/m"]
    assert json.loads(call("explain", "-c", str(gateway.file), "-", stdin=request).stdout)["plan"][0] == "bad/m"


@contextlib.contextmanager
def streams(gateway: Gateway, count: int, model: str = "held/m") -> Iterator[list[socket.socket]]:
    """Callers that have begun to read and do not leave."""
    content = json.dumps(body(model, stream=True)).encode()
    head = (
        f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    with contextlib.ExitStack() as stack:
        callers = [stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port))) for _ in range(count)]
        for caller in callers:
            caller.settimeout(10)
            caller.sendall(head.encode() + content)
        for caller in callers:
            assert caller.recv(1000)
        yield callers


def test_open_streams_are_in_flight_until_they_end(gateway: Gateway, held: Held) -> None:
    held.holds.set()
    with streams(gateway, 4) as callers:
        assert in_flight(gateway, "held/m") == 4
        callers[0].close()
        eventually(lambda: in_flight(gateway, "held/m") == 3, "one caller to have left")
        held.holds.clear()
        eventually(lambda: in_flight(gateway, "held/m") == 0, "all streams to have ended")
    assert gateway.metric("extproc_bugs_total") == 0


def test_a_dead_upstream_leaves_nothing_in_flight(gateway: Gateway, held: Held) -> None:
    held.holds.set()
    try:
        with streams(gateway, 3):
            assert in_flight(gateway, "held/m") == 3
            held.dies.set()
            eventually(lambda: in_flight(gateway, "held/m") == 0, "nobody in flight at a dead upstream")
    finally:
        held.dies.clear()
        held.holds.clear()
    assert seen(gateway)["held/m"]["errors"]["value"] > 0


def test_a_reload_keeps_who_is_in_flight(gateway: Gateway, held: Held, config: dict[str, Any]) -> None:
    held.holds.set()
    with streams(gateway, 2):
        gateway.reload({**config, "aliases": {"other": ["held/m"]}})
        assert in_flight(gateway, "held/m") == 2 and seen(gateway)["fast/m"]["first_token"]["0"]["samples"] == 3
        held.holds.clear()
        eventually(lambda: in_flight(gateway, "held/m") == 0, "both to have ended")


def test_a_new_processor_takes_up_who_is_still_open(gateway: Gateway, held: Held) -> None:
    """Envoy tells it of them within ten seconds, and of their end."""
    held.holds.set()
    with streams(gateway, 2):
        before = gateway.processor_pid
        os.kill(before, signal.SIGKILL)
        eventually(lambda: gateway.is_ready() and gateway.processor_pid != before, "another processor", 20)
        eventually(lambda: in_flight(gateway, "held/m") == 2, "both to be taken up", 20)
        held.holds.clear()
        eventually(lambda: in_flight(gateway, "held/m") == 0, "both to have ended")
