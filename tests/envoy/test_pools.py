"""Pools of several endpoints behind the whole gateway: what is dead is left, and nothing waits long for what hangs."""

import time
from collections import Counter
from typing import Any

import httpx

from extproc import names
from extproc.dataplane.pools import CHECK_PATIENCE
from tests.dataplane.upstream import Upstream, answering, opened
from tests.envoy.demo import CHAT, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.processes import eventually

CLOSING = {"content-type": "application/json", "connection": "close"}


def pool(host: str, *upstreams: Upstream, **more: Any) -> dict[str, Any]:
    return {
        "dialect": "openai",
        "models": ["m"],
        "endpoints": [f"http://{host}:{one.port}" for one in upstreams],
        **more,
    }


def ask(gateway: Gateway, number: int = 30) -> Counter[str]:
    def one() -> str:
        answer = httpx.post(gateway.url + CHAT, json=body("m"), trust_env=False, timeout=20)
        return answer.headers[names.TARGET] if answer.status_code == 200 else str(answer.status_code)

    return Counter(one() for _ in range(number))


def checks(upstream: Upstream) -> int:
    return sum(path == "/health" for _, path, _, _ in upstream.asked)


def test_pools_by_address_and_by_name_leave_the_dead() -> None:
    """By address nobody notices; by name those who come before it is known walk on along the plan, here to nobody."""
    upstreams = [Upstream(headers=dict(CLOSING)) for _ in range(3)]
    health = {"interval": "0.3s", "timeout": "0.3s", "failure_threshold": 2, "success_threshold": 1}
    with opened(*upstreams) as doors, running({"providers": {"pool": pool("127.0.0.1", *upstreams)}}) as gateway:
        assert ask(gateway) == {"pool/m": 30}
        doors.shut(upstreams[0])
        assert ask(gateway) == {"pool/m": 30}
        doors.open(upstreams[0])
        gateway.reload({"providers": {"pool": pool("localhost", *upstreams, health=health)}})
        assert ask(gateway) == {"pool/m": 30} and all(checks(one) for one in upstreams)
        doors.shut(upstreams[1])
        time.sleep(2.0)
        assert ask(gateway) == {"pool/m": 30}
        upstreams[1].asked.clear()
        doors.open(upstreams[1])
        eventually(
            lambda: ask(gateway, 5) and any(path != "/health" for _, path, _, _ in upstreams[1].asked), "it back"
        )


def test_a_reload_waits_for_endpoints_that_hang_only_so_long() -> None:
    well = Upstream()
    ill = [Upstream(hang=60.0), Upstream(hang=60.0)]
    with answering(well, *ill), running({"providers": {"well": pool("127.0.0.1", well)}}) as gateway:
        hanging = pool("127.0.0.1", *ill, health={"interval": "90s", "timeout": "60s"})
        begun = time.monotonic()
        gateway.reload({"providers": {"well": pool("127.0.0.1", well), "ill": hanging}})
        took = time.monotonic() - begun
        print(f"reloaded after {took:.1f} s")
        assert took < CHECK_PATIENCE + 5.0
        assert ask(gateway, 5) == {"well/m": 5}
