"""A canary's moves, told to a real server that answers as a test says."""

import asyncio
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from extproc import names
from extproc.app.announcing import MOST_AT_ONCE, Webhooks
from extproc.decision.rollout import Move, Seen
from extproc.decision.rollout_window import Numbers
from extproc.outcome.rollouts import Told
from extproc.snapshot import Proxy
from tests.dataplane.certificates import Ca, server_side
from tests.dataplane.connect_proxy import proxying
from tests.dataplane.upstream import Upstream as Https
from tests.dataplane.upstream import answering as answering_https
from tests.envoy.upstream import Asked, Upstream, hang_up, scripted, silence, whole

SECRET = "s3cr3t-path"
MOVE = Move("rollback", 0.1, 0.0, "its error rate of 12 % is not below 1 %")
SEEN = Seen(canary=Numbers(50, 6, 1.25, 50, 4.0), stable=Numbers(90, 0, 1.0, 90, 2.0))


def told(strategy: str = "split", webhook: bool = True) -> Told:
    return Told(strategy, MOVE, SEEN, webhook)


class Scene:
    def __init__(self, address: str | None, pauses: Sequence[float] = (0.01, 0.01), proxy: Proxy | None = None) -> None:
        self.results: list[tuple[str, str]] = []
        self.asked_for: list[str] = []
        self.address = address
        self.webhooks = Webhooks(self._key, self, lambda _: proxy, epoch=lambda: 1_795_254_880.0, pauses=pauses)

    def _key(self, name: str) -> bytes | None:
        self.asked_for.append(name)
        return self.address.encode() if self.address is not None else None

    def canary_webhook(self, strategy: str, result: str) -> None:
        self.results.append((strategy, result))

    async def announced(self, *moves: Told) -> None:
        for move in moves or (told(),):
            self.webhooks.announce(move)
        await self.webhooks.close()


def at(upstream: Upstream) -> str:
    return f"{upstream.origin}/{SECRET}?key=k"


def answering(*statuses: int) -> Any:
    """A script that answers each request with the next of these, the last for ever."""
    left = list(statuses)

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        status = left.pop(0) if len(left) > 1 else left[0]
        writer.write(whole(b"{}", status, "application/json", ("location", "/elsewhere")))
        await writer.drain()

    return script


async def test_a_move_is_posted_with_its_numbers() -> None:
    with scripted(answering(200)) as hook:
        scene = Scene(at(hook))
        await scene.announced()
    (asked,) = hook.asked
    assert (asked.method, asked.path, asked.headers["content-type"]) == (
        "POST",
        f"/{SECRET}?key=k",
        "application/json",
    )
    assert json.loads(asked.body) == {
        "event": "rollback",
        "strategy": "split",
        "from": 0.1,
        "to": 0.0,
        "reason": MOVE.reason,
        "samples": 50,
        "failed": 6,
        "error_rate": 0.12,
        "latency_p95": 1.25,
        "cost_efficiency": 0.5,
        "time": 1_795_254_880.0,
    }
    assert (scene.results, scene.asked_for) == ([("split", "ok")], [names.KEY_WEBHOOK + "split"])


async def test_who_asked_for_no_webhook_gets_none() -> None:
    scene = Scene("http://127.0.0.1:1/")
    await scene.announced(told(webhook=False))
    assert (scene.results, scene.asked_for) == ([], [])


@pytest.mark.parametrize(
    ("statuses", "tries", "result"),
    [
        ((503, 200), 2, "ok"),
        ((429, 408, 204), 3, "ok"),
        ((500,), 3, "failed"),
        ((404,), 1, "failed"),
        ((302,), 1, "failed"),
    ],
)
async def test_what_may_pass_is_tried_again_a_few_times(statuses: tuple[int, ...], tries: int, result: str) -> None:
    with scripted(answering(*statuses)) as hook:
        scene = Scene(at(hook))
        await scene.announced()
    assert (len(hook.asked), scene.results) == (tries, [("split", result)])


@pytest.mark.parametrize(
    "address",
    [None, "", "no address", "ftp://x/s3cr3t-path", "http://[/s3cr3t-path", "http://\x00s3cr3t-path", "\ud800"],
)
async def test_an_address_that_is_none_fails_at_once_and_is_in_no_log(
    address: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(None)
    if address is not None:
        scene._key = lambda name: address.encode("utf-8", "surrogatepass")  # type: ignore[method-assign]
        scene.webhooks._key = scene._key
    await scene.announced()
    assert scene.results == [("split", "failed")]
    assert SECRET not in caplog.text and "split" in caplog.text


async def test_what_breaks_on_the_way_is_counted_and_the_address_is_in_no_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, "extproc"), scripted(hang_up) as hook:
        scene = Scene(at(hook))
        await scene.announced()
    assert (scene.results, len(hook.asked)) == ([("split", "failed")], 3)
    assert SECRET not in caplog.text and str(hook.port) not in caplog.text


async def test_an_answer_without_an_end_is_not_read() -> None:
    async def endless(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\nmore")
        await writer.drain()
        await asyncio.sleep(60)

    with scripted(endless) as hook:
        scene = Scene(at(hook))
        await scene.announced()
    assert scene.results == [("split", "ok")]


async def test_a_server_that_says_nothing_holds_up_neither_the_rest_nor_the_end() -> None:
    with scripted(silence) as hook:
        scene = Scene(at(hook))
        began = asyncio.get_running_loop().time()
        await scene.announced(*[told()] * (MOST_AT_ONCE + 3))
        assert asyncio.get_running_loop().time() - began < 5
    assert scene.results == [("split", "failed")] * 3, "those that found no room"


@pytest.mark.parametrize("gone", [False, True])
async def test_a_webhook_outside_is_told_through_the_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    """By its name, which the proxy looks up; its path is not for the proxy. Who refuses is a failure like others."""
    ca, hook = Ca(), Https()
    (tmp_path / "ca.pem").write_bytes(ca.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with answering_https(hook, tls=server_side(ca, tmp_path, "hooks.far.test")), proxying() as proxy:
        if not gone:
            proxy.places = {"hooks.far.test:443": hook.port}
        scene = Scene(f"https://hooks.far.test/{SECRET}", proxy=Proxy("egress@1", "localhost", proxy.port))
        await scene.announced()
        assert scene.results == [("split", "failed" if gone else "ok")]
        assert set(proxy.lines) == {"CONNECT hooks.far.test:443 HTTP/1.1"}
        assert [path for _, path, _, _ in hook.asked] == ([] if gone else [f"/{SECRET}"])
        assert SECRET.encode() not in bytes(proxy.passed)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the configuration says holds, here as for requests."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with scripted(answering(200)) as hook:
        scene = Scene(at(hook))
        await scene.announced()
    assert len(hook.asked) == 1
