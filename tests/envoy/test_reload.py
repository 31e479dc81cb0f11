"""A changed configuration takes effect while traffic flows: nothing fails, streams stay, a bad one changes nothing."""

import asyncio
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from extproc import names
from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually
from tests.envoy.upstream import LAST_CHUNK, SSE_HEAD, Asked, Upstream, chunk, scripted

RATE = 30  # requests a second
LONG = 4.0  # seconds that a stream in flight takes


@dataclass(slots=True)
class Load:
    """A small steady load, and what became of it."""

    url: str
    model: str = "m"
    answered: int = 0
    failed: list[str] = field(default_factory=list)
    targets: set[str] = field(default_factory=set)

    async def run(self, stop: threading.Event) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            asking = []
            while not stop.is_set():
                asking.append(asyncio.ensure_future(self._one(client, len(asking) % 2 == 0)))
                await asyncio.sleep(1 / RATE)
            await asyncio.gather(*asking)

    async def _one(self, client: httpx.AsyncClient, stream: bool) -> None:
        try:
            answer = await client.post(self.url + CHAT, json=body(self.model, stream=stream))
        except httpx.HTTPError as error:
            self.failed.append(repr(error))
            return
        if answer.status_code != 200 or (stream and not answer.content.endswith(b"[DONE]\n\n")):
            self.failed.append(f"{answer.status_code} {answer.text[-300:]}")
            return
        self.answered += 1
        self.targets.add(answer.headers[names.TARGET])


@contextmanager
def load(gateway: Gateway, model: str = "m") -> Iterator[Load]:
    """Runs while the block runs; at its end not one request may have failed."""
    running_load, stop = Load(gateway.url, model), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(running_load.run(stop)), daemon=True)
    thread.start()
    try:
        yield running_load
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive() and running_load.answered > 0
    assert running_load.failed == [], f"{len(running_load.failed)} failed: {running_load.failed[:3]}"


async def long_stream(_: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(SSE_HEAD)
    for number in range(20):
        writer.write(chunk(b'data: {"choices":[],"n":%d}\n\n' % number))
        await writer.drain()
        await asyncio.sleep(LONG / 20)
    writer.write(chunk(b"data: [DONE]\n\n") + LAST_CHUNK)
    await writer.drain()


@pytest.fixture(scope="module")
def lasting() -> Iterator[Upstream]:
    with scripted(long_stream) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(demos: dict[str, Demo]) -> Iterator[Gateway]:
    with running({"providers": {"lab": demos["lab"].configured()}}) as gateway:
        yield gateway


def base(demos: dict[str, Demo], **more: Any) -> dict[str, Any]:
    return {"providers": {"lab": demos["lab"].configured(), **more}}


def test_a_new_provider_answers_and_nothing_fails(gateway: Gateway, demos: dict[str, Demo]) -> None:
    pids = gateway.processor_pid, gateway.envoy_pid
    with load(gateway) as under:
        time.sleep(0.5)
        gateway.reload(
            {**base(demos, other=demos["other"].configured()), "strategies": {"default": _ordered("other", "lab")}}
        )
        eventually(lambda: "other/m" in under.targets, "the new provider", 10)
        time.sleep(0.5)
        gateway.reload(base(demos))
        time.sleep(1)
    assert (gateway.processor_pid, gateway.envoy_pid) == pids
    answer = httpx.post(gateway.url + CHAT, json=body("m"), trust_env=False)
    assert answer.headers[names.TARGET] == "lab/m"


def _ordered(*providers: str) -> dict[str, Any]:
    return {"kind": "ordered", "targets": list(providers)}


def _answered_by(gateway: Gateway, model: str) -> str | None:
    return httpx.post(gateway.url + CHAT, json=body(model), trust_env=False).headers.get(names.TARGET)


def test_an_edit_while_everything_starts_is_not_missed(demos: dict[str, Demo]) -> None:
    """The first configuration has been read and rendered, nothing is ready yet: what is saved now counts."""
    gateway = Gateway(base(demos)).launch()
    try:
        eventually(lambda: any(gateway.runs.glob("*/bootstrap.json")), "the first configuration to be rendered", 20)
        gateway.write_config({**base(demos), "aliases": {"late": ["lab/m"]}})
        eventually(gateway.is_ready, "the gateway", 20)
        eventually(lambda: _answered_by(gateway, "late") == "lab/m", "the edit", 12)
    finally:
        gateway.stop()


def test_many_reloads_in_a_row_lose_nothing(gateway: Gateway, demos: dict[str, Demo]) -> None:
    with load(gateway):
        for turn in range(6):
            more = {"other": demos["other"].configured()} if turn % 2 == 0 else {}
            aliases = {f"turn-{turn}": ["lab/m"]}
            gateway.reload({**base(demos, **more), "aliases": aliases})
    answer = httpx.post(gateway.url + CHAT, json=body("turn-5"), trust_env=False)
    assert answer.status_code == 200


def test_changed_prices_and_strategies_take_effect(gateway: Gateway, demos: dict[str, Demo]) -> None:
    def priced(dollars: int) -> dict[str, Any]:
        models = [{"name": "priced", "price": {"input": dollars, "output": dollars}}]
        return {"providers": {"lab": demos["lab"].configured(models=models)}}

    costs = []
    for dollars in (10, 20):
        gateway.reload(priced(dollars))
        answer = httpx.post(gateway.url + CHAT, json=body("priced"), trust_env=False)
        costs.append(float(gateway.decision(answer.headers[names.REQUEST_ID])["cost"]))
    assert costs[0] > 0 and costs[1] == pytest.approx(2 * costs[0])


def test_a_bad_reload_keeps_the_old_and_says_why(gateway: Gateway, demos: dict[str, Demo]) -> None:
    gateway.reload({**base(demos), "aliases": {"good": ["lab/m"]}})
    before = gateway.hash
    for bad in ('{"providers": {"lab": {"dialekt": "openai"}}}', "{unclosed: [", ""):
        gateway.write_config(bad)
        eventually(lambda: gateway.status()["config"]["error"], f"an error of {bad!r}")
        status = gateway.readyz()
        assert status.status_code == 200 and gateway.hash == before
        assert httpx.post(gateway.url + CHAT, json=body("good"), trust_env=False).status_code == 200
        gateway.write_config({**base(demos), "aliases": {"good": ["lab/m"]}})
        eventually(lambda: gateway.status()["config"]["error"] is None, "the error to go")
    gateway.write_config('{"providers": {"lab": {"dialekt": "openai"}}}')
    eventually(lambda: "dialekt" in str(gateway.status()["config"]["error"]), "the key's name in the error")
    assert gateway.metric("extproc_config_reloads_total", result="rejected") >= 1
    gateway.reload(base(demos))


def stream_of(url: str) -> str:
    return httpx.post(url + CHAT, json=body("lasting", stream=True), trust_env=False, timeout=30).text


@pytest.mark.parametrize("attend", [False, True], ids=["unattended", "attended"])
def test_a_stream_in_flight_outlives_the_removal_of_its_provider(
    gateway: Gateway, demos: dict[str, Demo], lasting: Upstream, attend: bool
) -> None:
    provider = {"dialect": "openai", "base_url": f"{lasting.origin}/v1", "models": ["lasting"]}
    routes = [{"match": {"path": "/v1/*"}, "attend": attend}]
    gateway.reload({**base(demos, lasting=provider), "routes": routes})
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(stream_of(gateway.url)), daemon=True)
    asked = len(lasting.asked)
    thread.start()
    eventually(lambda: len(lasting.asked) > asked, "the stream's beginning")
    gateway.reload({**base(demos), "routes": [{"match": {"path": "/v1/*"}}]})
    gone = httpx.post(gateway.url + CHAT, json=body("lasting/m"), trust_env=False)
    assert gone.headers.get(names.TARGET) != "lasting/m"
    thread.join(LONG + 5)
    assert said and said[0].endswith("data: [DONE]\n\n") and said[0].count('"n":') == 20


def test_a_changed_listener_cuts_nobody(lasting: Upstream, demos: dict[str, Demo]) -> None:
    """A stream that is longer than the gateway's own drain ends whole, and no request under load fails."""
    provider = {"dialect": "openai", "base_url": f"{lasting.origin}/v1", "models": ["lasting"]}
    changed = base(demos, lasting=provider)
    asked = len(lasting.asked)
    with running(changed, "--drain", "1s") as gateway, load(gateway), ThreadPoolExecutor() as aside:
        streamed = aside.submit(
            httpx.post, gateway.url + CHAT, json=body("lasting", stream=True), timeout=60, trust_env=False
        )
        eventually(lambda: len(lasting.asked) > asked, "the stream runs")
        gateway.reload({**changed, "listen": {"limits": {"idle_timeout": "30m"}}, "limits": {"headers": "20KiB"}})
        assert streamed.result().text.endswith("data: [DONE]\n\n")
        large = httpx.get(f"{gateway.url}/v1/models", headers={"x-large": "a" * 30_000}, trust_env=False)
        assert large.status_code == 431


def test_a_new_service_is_reached(gateway: Gateway, demos: dict[str, Demo], lab: Demo) -> None:
    config = {
        **base(demos),
        "services": {"plain": {"endpoints": [lab.origin]}},
        "routes": [
            {"match": {"path": "/plain/*"}, "service": "plain", "rewrite": {"path": "/$1"}},
            {"match": {"path": "/v1/*"}},
        ],
    }
    with load(gateway):
        gateway.reload(config)
        assert httpx.get(f"{gateway.url}/plain/healthz", trust_env=False).json()["provider"] == "lab"
        time.sleep(0.5)
    gateway.reload(base(demos))


# --- a mounted directory ---------------------------------------------------------------------------------------------


@pytest.fixture
def mounted() -> Iterator[Path]:
    """A directory as Kubernetes mounts a ConfigMap: files are links through `..data`, which is a link itself."""
    directory = Path(tempfile.mkdtemp(prefix="cm-"))
    yield directory
    shutil.rmtree(directory)


def mount(directory: Path, version: str, files: dict[str, Any]) -> None:
    """Swaps the whole content in one step, as the kubelet does."""
    old = list(directory.glob("..2*"))
    data = directory / f"..2026_{version}"
    data.mkdir()
    for name, content in files.items():
        (data / name).write_text(json.dumps(content))
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(f"..data/{name}")
    new = directory / "..data_tmp"
    new.symlink_to(data.name)
    new.replace(directory / "..data")
    for each in old:
        shutil.rmtree(each)


def test_the_swap_of_a_mounted_directory_is_followed(mounted: Path, demos: dict[str, Demo]) -> None:
    providers = base(demos)
    mount(mounted, "1", {"10-providers.yaml": providers, "20-aliases.yaml": {"aliases": {"first": ["lab/m"]}}})
    with running("{}", source=mounted) as gateway, load(gateway):
        assert httpx.post(gateway.url + CHAT, json=body("first"), trust_env=False).status_code == 200
        for version in ("2", "3"):
            before = gateway.hash
            aliases = {"aliases": {f"name-{version}": ["lab/m"]}}
            mount(mounted, version, {"10-providers.yaml": providers, "20-aliases.yaml": aliases})
            gateway.wait_for_reload(before)
            answer = httpx.post(gateway.url + CHAT, json=body(f"name-{version}"), trust_env=False)
            assert answer.status_code == 200 and answer.headers[names.TARGET] == "lab/m"
