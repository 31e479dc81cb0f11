"""What fails on purpose: a bug in our own code, a processor that hangs, a disk without room, no file descriptors."""

import contextlib
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from extproc import names
from extproc.demo.catalog import Speed
from tests.envoy.demo import CHAT, Demo, body, demo
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually

# Python reads a module of this name before anything of the product: a bug comes in without a word in the product.
BUGS = """
import pathlib, resource
from extproc.exchange.attempt import AttemptExchange
from extproc.exchange.router import RouterExchange

HERE = pathlib.Path(__file__).parent
if (HERE / "full").exists():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def broken(kind, method, name):
    before = getattr(kind, method)

    def now(self, *given):
        if (HERE / name).exists():
            raise RuntimeError("a bug on purpose")
        return before(self, *given)

    setattr(kind, method, now)


broken(RouterExchange, "_on_request_body", "decision")
broken(AttemptExchange, "_on_headers", "attempt")
broken(RouterExchange, "_on_response", "answer")
"""


def sabotaged(directory: Path) -> dict[str, str]:
    """An environment in which a file of a bug's name in this directory is that bug."""
    (directory / "sitecustomize.py").write_text(BUGS)
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(directory), os.environ.get("PYTHONPATH"))))}


@pytest.fixture(scope="module")
def bugs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bugs")


@pytest.fixture(scope="module")
def slow() -> Iterator[Demo]:
    with demo("slow", speed=Speed(0.0, 4)) as slow:
        yield slow


@pytest.fixture(scope="module")
def config(demos: dict[str, Demo], slow: Demo) -> dict[str, Any]:
    return {
        "providers": {"lab": demos["lab"].configured(models=["m"]), "slow": slow.configured(models=["slow"])},
        "services": {"shop": {"endpoints": [demos["other"].origin]}},
        "routes": [
            {"match": {"path": "/shop/*"}, "service": "shop", "rewrite": {"path": "/$1"}, "when_down": "pass"},
            {"match": {"headers": {"x-attend": "yes"}}, "attend": True},
            {},
        ],
    }


@pytest.fixture(scope="module")
def gateway(config: dict[str, Any], bugs: Path) -> Iterator[Gateway]:
    with running(config, more_environment=sabotaged(bugs)) as gateway:
        yield gateway


def ask(gateway: Gateway, **headers: str) -> httpx.Response:
    return httpx.post(gateway.url + CHAT, json=body("m"), headers=headers, timeout=30, trust_env=False)


@pytest.mark.parametrize("bug", ["decision", "attempt", "answer"])
def test_a_bug_of_ours_ends_its_own_exchange_and_nothing_else(gateway: Gateway, bugs: Path, bug: str) -> None:
    """500 with the id under which the log has the traceback; not a word of it for the caller; the processor lives."""
    pid, attend = gateway.processor_pid, {"x-attend": "yes"} if bug == "answer" else {}
    assert ask(gateway, **attend).status_code == 200
    (bugs / bug).touch()
    try:
        answer = ask(gateway, **attend)
    finally:
        (bugs / bug).unlink()
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    identity = answer.headers[names.REQUEST_ID]
    assert "on purpose" not in answer.text
    eventually(lambda: f"a bug in exchange {identity}" in gateway.err.text(), "the log names the exchange")
    eventually(lambda: "RuntimeError: a bug on purpose" in gateway.err.text(), "the log has the traceback")
    assert gateway.metric("extproc_bugs_total") >= 1
    assert ask(gateway, **attend).status_code == 200
    assert gateway.processor_pid == pid


def test_a_processor_that_hangs_is_ended_and_started_anew(gateway: Gateway) -> None:
    """Until then LLM requests are refused in JSON and a service that passes passes; no answer is made up."""
    pid = gateway.processor_pid
    os.kill(pid, signal.SIGSTOP)
    refused = ask(gateway)
    assert refused.status_code == 200 or refused.json()["error"]["code"] == "processor_unavailable"
    passed = httpx.get(f"{gateway.url}/shop/v1/models", timeout=30, trust_env=False)
    assert passed.status_code in (200, 401)  # the service's own word: it has its own key
    eventually(lambda: gateway.is_ready() and gateway.processor_pid != pid, "another processor", 40)
    assert ask(gateway).status_code == 200


def test_an_attended_answer_breaks_off_with_the_processor(gateway: Gateway) -> None:
    """Visibly: nobody can take it for a whole one."""
    before = gateway.processor_pid
    asked = {"json": body("slow", stream=True), "headers": {"x-attend": "yes"}, "timeout": 30.0}
    with httpx.Client(trust_env=False) as client, client.stream("POST", gateway.url + CHAT, **asked) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        os.kill(before, signal.SIGKILL)
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
    eventually(lambda: gateway.is_ready() and gateway.processor_pid != before, "another processor", 20)


def test_a_start_without_room_on_the_disk_is_one_clear_line(config: dict[str, Any], tmp_path: Path) -> None:
    environment = sabotaged(tmp_path)
    (tmp_path / "full").touch()
    gateway = Gateway(config, more_environment=environment).launch()
    assert gateway.process is not None
    assert gateway.process.wait(30) == 3
    gateway.err.end()
    said = [line for line in gateway.err.said if line.strip()]
    gateway.end_by_force()
    assert len(said) == 1 and "private directory cannot be" in said[0] and "TMPDIR" in said[0], said


def test_a_change_without_room_on_the_disk_is_refused(gateway: Gateway, config: dict[str, Any]) -> None:
    """The old configuration stays; as soon as there is room, the next change is taken."""
    assert gateway.process is not None
    pid, before = gateway.process.pid, gateway.hash
    changed = {**config, "limits": {"body": "1MiB"}}
    with limited(pid, resource.RLIMIT_FSIZE, 0):
        gateway.write_config(changed)
        eventually(lambda: "cannot be written" in (gateway.status()["config"]["error"] or ""), "the change is refused")
        assert (gateway.hash, ask(gateway).status_code) == (before, 200)
    gateway.write_config({**changed, "limits": {"body": "2MiB"}})
    assert gateway.wait_for_reload(before) and ask(gateway).status_code == 200
    assert gateway.status()["config"]["error"] is None


def test_without_file_descriptors_requests_wait_or_are_refused_until_there_are_some(config: dict[str, Any]) -> None:
    with running(config) as gateway:
        assert ask(gateway).status_code == 200
        envoy = gateway.envoy_pid
        before = resource.prlimit(envoy, resource.RLIMIT_NOFILE)
        resource.prlimit(envoy, resource.RLIMIT_NOFILE, (8, before[1]))  # fewer than it has: it gets no more
        with httpx.Client(timeout=2, trust_env=False) as client, pytest.raises(httpx.HTTPError):
            client.post(gateway.url + CHAT, json=body("m")).raise_for_status()
        resource.prlimit(envoy, resource.RLIMIT_NOFILE, before)
        eventually(lambda: ask(gateway).status_code == 200, "there are some again", 20)
        assert gateway.envoy_pid == envoy


@contextlib.contextmanager
def limited(pid: int, kind: int, soft: int) -> Iterator[None]:
    old = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (soft, old[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, kind, old)
