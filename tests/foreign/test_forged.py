"""What a caller says in our name to an Envoy of the portable form, whose edge takes nothing off: it steers nothing,
neither with a processor nor without one."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.dataplane.upstream import Upstream, answering
from tests.envoy.raw import Answer, exchange, post
from tests.foreign.scene import Foreign, beside, static

pytestmark = pytest.mark.envoy
LAB, OTHER, SHOP = (Upstream() for _ in range(3))
CHAT = json.dumps({"model": "m", "messages": []}).encode()


def config() -> str:
    return f"""
providers:
  lab: {{dialect: openai, base_url: "http://127.0.0.1:{LAB.port}/v1", credential: "${{LAB_KEY}}", models: [m]}}
  other: {{dialect: openai, base_url: "http://127.0.0.1:{OTHER.port}/v1", credential: "${{LAB_KEY}}", models: [o]}}
services:
  shop: {{endpoints: ["http://127.0.0.1:{SHOP.port}"]}}
routes:
  - {{match: {{path: /open/*}}, service: shop, when_down: pass}}
  - {{match: {{path: /shop/*}}, service: shop}}
  - {{match: {{path: /v1/*}}, shadow: {{target: lab/m, share: 0.01%}}}}
"""


@pytest.fixture(scope="module")
def foreign() -> Iterator[Foreign]:
    with answering(LAB, OTHER, SHOP), beside(config(), static("portable")) as foreign:
        yield foreign


def forged(foreign: Foreign) -> tuple[bytes, ...]:
    """To the provider that nobody asked for, by whatever could lead there; twice, and in odd letters."""
    rendered = (foreign.scene.directory / "envoy.json").read_text()
    (cluster,) = {name for name in re.findall(r'"([^"]*other[^"]*)"', rendered) if name.endswith("other")} or {""}
    assert cluster
    steering = ("X-Extproc-CTL-Cluster", "x-extproc-ctl-cluster", "x-extproc-ctl-shadow", "x-extproc-ctl-hosts")
    return (
        *(f"{name}: {cluster}".encode() for name in steering),
        b'x-extproc-ctl-shadow-call: {"forged":1}',
        b"x-extproc-ctl-retry: 1",
        b"x-extproc-ctl-peer: forged",
        b"x-extproc-form: forged",
        b"x-extproc-clusters: forged",
        b"x-extproc-filter: forged",
        b"x-extproc-target: forged",
        b"x-envoy-max-retries: 9",
        b"x-envoy-original-path: /forged",
        b"x-forwarded-client-cert: forged",
    )


def ask(foreign: Foreign, path: bytes, *headers: bytes) -> Answer:
    for upstream in (LAB, OTHER, SHOP):
        upstream.asked.clear()
    return exchange(foreign.scene.port, post(CHAT, *forged(foreign), *headers, path=path), 20)


def ours(upstream: Upstream) -> list[str]:
    ((_, _, headers, _),) = upstream.asked
    return [name for name in headers if name.startswith(("x-extproc-ctl-", "x-envoy-", "x-forwarded-client"))]


def test_a_chat_goes_where_the_processor_says(foreign: Foreign) -> None:
    assert ask(foreign, b"/v1/chat/completions").status == 200
    assert OTHER.asked == []
    assert ours(LAB) == []


def test_a_refusal_goes_nowhere(foreign: Foreign) -> None:
    assert ask(foreign, b"/v1/chat/completions", b"x-extproc-provider: nobody").status >= 400
    assert (LAB.asked, OTHER.asked, SHOP.asked) == ([], [], [])


@pytest.mark.parametrize("path", [b"/open/x", b"/shop/x"])
def test_a_service_is_told_nothing_of_it(foreign: Foreign, path: bytes) -> None:
    assert ask(foreign, path).status == 200
    assert OTHER.asked == []
    assert ours(SHOP) == []


def test_without_a_processor_it_leads_nowhere_either(foreign: Foreign) -> None:
    foreign.processor.kill()
    foreign.processor.wait()
    assert ask(foreign, b"/v1/chat/completions").status == 503
    assert ask(foreign, b"/shop/x").status == 503
    assert (LAB.asked, OTHER.asked, SHOP.asked) == ([], [], [])
    assert ask(foreign, b"/open/x").status == 200
    assert ours(SHOP) == []
