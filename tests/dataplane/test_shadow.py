"""Shadow traffic through a real Envoy: copies with bodies, said to their target, and callers who notice nothing."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from extproc import names
from extproc.dataplane.statistics import statistics_name
from extproc.signing import HEADERS, verify
from tests.dataplane.envoy import eventually
from tests.dataplane.supervised import Supervised, compiled, supervised
from tests.envoy.upstream import Asked, Script, Upstream, always, hang_up, scripted, silence, whole

pytestmark = pytest.mark.envoy

CHAT = "/v1/chat/completions"
FINE = whole(b'{"id":"real","object":"chat.completion","choices":[]}')
SHADOWS = whole(b'{"message":{"role":"assistant","content":"shadow"},"done":true}')
HELLO = [{"role": "user", "content": "Grüße 世界"}]
CONFIG = """
providers:
  real: {{dialect: openai, base_url: "{real}/v1", credential: key-of-real, models: [m]}}
  next: {{dialect: openai, base_url: "{next}/v1", credential: key-of-next, models: [m]}}
  dark:
    dialect: ollama
    base_url: "{dark}"
    credential: key-of-dark
    models: [trial]
    sign: {{hmac: {{secret: secret-of-dark, scheme: v2}}}}
  gone: {{dialect: openai, base_url: "http://127.0.0.1:1/v1", models: [trial]}}
aliases: {{both: [real/m, next/m]}}
routes:
  - {{name: quarter, match: {{headers: {{x-test: quarter}}}}, shadow: {{target: dark/trial, share: 25%}}}}
  - {{name: refused, match: {{headers: {{x-test: refused}}}}, shadow: gone/trial}}
  - {{name: plain, match: {{headers: {{x-test: plain}}}}}}
  - {{name: all, shadow: dark/trial}}
callers: [{{name: ci, key: gw-key-of-a-caller}}]
"""
KEY = {"authorization": "Bearer gw-key-of-a-caller", "cookie": "canary", "x-api-key": "canary"}


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, Upstream]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(scripted(always(FINE))) for name in ("real", "next", "dark")}


@pytest.fixture(scope="module")
def running(upstreams: dict[str, Upstream]) -> Iterator[Supervised]:
    text = CONFIG.format(**{name: one.origin for name, one in upstreams.items()})
    with supervised(compiled(text)) as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Supervised, upstreams: dict[str, Upstream]) -> Supervised:
    upstreams["real"].script = upstreams["next"].script = always(FINE)
    upstreams["dark"].script = always(SHADOWS)
    for one in upstreams.values():
        one.asked.clear()
    return running


def chat(gateway: Supervised, test: str = "", model: str = "m", times: int = 1, **more: Any) -> list[float]:
    """How long each exchange took; all were answered by a real target."""
    took = []
    with gateway.client(headers={**KEY, "x-test": test}) as client:
        for _ in range(times):
            began = time.monotonic()
            answer = client.post(CHAT + "?x=1", json={"model": model, "messages": HELLO, "max_tokens": 7, **more})
            took.append(time.monotonic() - began)
            assert (answer.status_code, answer.json()["id"]) == (200, "real"), answer.text
            assert not [name for name in answer.headers if "ctl" in name]
    return took


def copies(upstreams: dict[str, Upstream], number: int = 1) -> list[Asked]:
    eventually(lambda: len(upstreams["dark"].asked) >= number)
    return list(upstreams["dark"].asked)


def metric(gateway: Supervised, name: str, *labels: str) -> float:
    lines = [line.rpartition(" ") for line in gateway.metrics().splitlines() if line.startswith(name + "{")]
    return sum(float(value) for series, _, value in lines if all(label in series for label in labels))


def test_a_copy_is_said_to_its_target_in_its_own_dialect_and_signed(
    gateway: Supervised, upstreams: dict[str, Upstream]
) -> None:
    before = metric(gateway, "extproc_shadows_total", 'result="ok"')
    chat(gateway, team="blue")
    (copy,) = copies(upstreams)
    (real,) = upstreams["real"].asked
    assert (copy.method, copy.path) == ("POST", "/api/chat")
    said = json.loads(copy.body)
    assert (said["model"], said["messages"], said["options"]["num_predict"]) == ("trial", HELLO, 7)
    assert "team" not in said and "team" not in json.loads(real.body)
    assert copy.headers["host"] == upstreams["dark"].origin.removeprefix("http://")
    assert copy.headers["x-request-id"] == real.headers["x-request-id"]
    assert verify(b"secret-of-dark", copy.raw_headers, "POST", copy.path, "", copy.body, time.time()) is None
    assert eventually(lambda: metric(gateway, "extproc_shadows_total", 'result="ok"') == before + 1)


def test_secrets_stay_apart_and_nothing_of_ours_leaves(gateway: Supervised, upstreams: dict[str, Upstream]) -> None:
    chat(gateway)
    (copy,) = copies(upstreams)
    (real,) = upstreams["real"].asked
    assert (copy.headers["authorization"], real.headers["authorization"]) == (
        "Bearer key-of-dark",
        "Bearer key-of-real",
    )
    for asked in (copy, real):
        text = str(asked.raw_headers)
        assert "x-extproc" not in text and "canary" not in text and "gw-key" not in text and "x-envoy" not in text
    assert not [name for name, _ in real.raw_headers if name in HEADERS]
    assert "key-of-real" not in str(copy.raw_headers) and "x-forwarded-for" not in copy.headers


def test_a_plan_that_fails_over_is_copied_once(gateway: Supervised, upstreams: dict[str, Upstream]) -> None:
    upstreams["real"].script = always(whole(b"{}", 503))
    chat(gateway, model="both")
    assert len(upstreams["real"].asked) == len(upstreams["next"].asked) == 1
    time.sleep(0.3)
    assert len(copies(upstreams)) == 1


def test_a_large_body_is_copied_whole(gateway: Supervised, upstreams: dict[str, Upstream]) -> None:
    chat(gateway, padding="x" * 12_000_000)
    (real,) = upstreams["real"].asked
    assert len(real.body) > 12_000_000
    (copy,) = copies(upstreams)
    assert json.loads(copy.body)["messages"] == HELLO


def test_routes_without_a_shadow_send_no_copy_and_callers_cannot_ask_for_one(
    gateway: Supervised, upstreams: dict[str, Upstream]
) -> None:
    (twin,) = [name for name in _clusters(gateway) if name.startswith("dark") and name.endswith(names.SHADOW_SUFFIX)]
    with gateway.client(headers={**KEY, names.CTL_SHADOW: twin, names.CTL_SHADOW_CALL: "e30="}) as client:
        for test in ("plain", "quarter"):
            for _ in range(3):
                client.post(CHAT, json={"model": "m", "messages": HELLO}, headers={"x-test": test})
    time.sleep(0.3)
    for copy in upstreams["dark"].asked:  # the quarter's own
        assert json.loads(copy.body)["model"] == "trial"
    assert len(upstreams["dark"].asked) < 6


def _clusters(gateway: Supervised) -> list[str]:
    document = json.loads((gateway.run.xds / "cds.json").read_text())
    return [str(cluster["name"]) for cluster in document["resources"]]


def test_a_quarter_is_about_a_quarter(gateway: Supervised, upstreams: dict[str, Upstream]) -> None:
    chat(gateway, "quarter", times=200)
    time.sleep(0.5)
    assert 25 <= len(upstreams["dark"].asked) <= 77  # four standard deviations


async def _flood(_: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000000\r\n\r\n")
    for _number in range(100):
        writer.write(b"x" * 1_000_000)
        await writer.drain()


@pytest.mark.parametrize(
    ("script", "result"),
    [
        (silence, None),
        (hang_up, "no_answer"),
        (always(b"garbage\r\n\r\n"), "no_answer"),
        (always(whole(b"{}", 500)), "failure"),
        (always(whole(b"{}", 429)), "rate_limited"),
        (always(whole(b"{}", 404)), "caller_error"),
        (_flood, "ok"),
    ],
    ids=["silent", "reset", "garbage", "500", "429", "404", "100 MB"],
)
def test_whatever_a_shadow_does_the_caller_is_served(
    gateway: Supervised, upstreams: dict[str, Upstream], script: Script, result: str | None
) -> None:
    label = f'result="{result}"'
    before = metric(gateway, "extproc_shadows_total", label)
    attempts = metric(gateway, "extproc_attempts_total", 'provider="dark"')
    upstreams["dark"].script = script
    took = chat(gateway, times=5)
    assert max(took) < 2
    copies(upstreams, 5)
    if result is not None:
        assert eventually(lambda: metric(gateway, "extproc_shadows_total", label) >= before + 5), gateway.metrics()
    assert metric(gateway, "extproc_attempts_total", 'provider="dark"') == attempts == 0
    assert 'extproc_breaker_state{target="dark' not in gateway.metrics()


def test_a_shadow_that_cannot_be_reached_is_nobodys_business(gateway: Supervised) -> None:
    before = metric(gateway, "extproc_shadows_sent_total", 'provider="gone"')
    assert max(chat(gateway, "refused", times=20)) < 2
    assert metric(gateway, "extproc_shadows_sent_total", 'provider="gone"') == before + 20
    assert metric(gateway, "extproc_attempts_total", 'provider="gone"') == 0
    assert metric(gateway, "extproc_log_records_lost_total") == 0


def test_records_of_exchanges_know_nothing_of_shadows(gateway: Supervised, upstreams: dict[str, Upstream]) -> None:
    """Neither attempts nor tokens nor costs are more than without them, though Envoy writes a record of each."""

    def counted() -> tuple[float, ...]:
        return (
            metric(gateway, "extproc_log_records_total", 'kind="exchange"'),
            metric(gateway, "extproc_log_records_total", 'kind="attempt"'),
            metric(gateway, "extproc_log_records_total", 'kind="shadow"'),
            metric(gateway, "extproc_attempts_total"),
            metric(gateway, "extproc_exchanges_total"),
        )

    time.sleep(0.5)
    before = counted()
    chat(gateway, times=10)
    copies(upstreams, 10)
    wanted = tuple(each + 10 for each in before)
    assert eventually(lambda: counted() == wanted), (before, counted())
    assert metric(gateway, "extproc_tokens_total", 'provider="dark"') == 0
    assert metric(gateway, "extproc_log_records_lost_total") == 0


def test_a_shadow_may_stream_and_may_be_refused(gateway: Supervised, upstreams: dict[str, Upstream]) -> None:
    """What its API cannot be told is counted as refused, and the caller's own exchange goes on."""
    upstreams["real"].script = always(whole(b'data: {"id":"real"}\n\ndata: [DONE]\n\n', 200, "text/event-stream"))
    with gateway.client(headers=KEY) as client:
        streamed = client.post(CHAT, json={"model": "m", "messages": HELLO, "stream": True})
        assert streamed.status_code == 200 and streamed.text.endswith("[DONE]\n\n")
        (copy,) = copies(upstreams)
        assert json.loads(copy.body)["stream"] is True
        before = metric(gateway, "extproc_shadows_total", 'result="refused"')
        assert client.post(CHAT, json={"model": "m", "messages": []}).status_code == 200
    assert eventually(lambda: metric(gateway, "extproc_shadows_total", 'result="refused"') == before + 1)


def test_a_shadow_is_counted_under_a_name_of_its_own(gateway: Supervised) -> None:
    chat(gateway)
    envoy = gateway.supervisor._envoy
    assert envoy is not None
    plain = statistics_name("dark", "whole")
    shadow = plain + names.SHADOW_SUFFIX
    assert gateway.done(envoy.stat(f"cluster.{shadow}.upstream_rq_total")) not in ("", "0")
    assert gateway.done(envoy.stat(f"cluster.{plain}.upstream_rq_total")) in ("", "0")
