"""Clients that misbehave, against a whole gateway: each is ended, others are served meanwhile, nothing of ours dies.

Law: what a client may not do is shown by what it gets for it, and by the counters that an operator would look at.
"""

import asyncio
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.envoy.demo import CHAT, Demo, body
from tests.envoy.gateway import Gateway, running
from tests.envoy.h2 import MAX_CONCURRENT_STREAMS, connected
from tests.envoy.processes import eventually

STREAMS = 20
CONNECTIONS = 40
JSON = {"content-type": "application/json"}
LISTEN: dict[str, Any] = {"limits": {"streams_per_connection": STREAMS, "connections": CONNECTIONS}}


def configuration(lab: Demo, **listen: Any) -> dict[str, Any]:
    return {"providers": {"lab": lab.configured(models=["small"])}, "listen": listen}


@pytest.fixture(scope="module")
def gateway(demos: dict[str, Demo]) -> Iterator[Gateway]:
    with running(configuration(demos["lab"], **LISTEN)) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def nothing_dies(gateway: Gateway) -> Iterator[None]:
    before = (gateway.envoy_pid, gateway.processor_pid)
    yield
    eventually(lambda: is_served(gateway), "a client that behaves is served")
    assert (gateway.envoy_pid, gateway.processor_pid) == before
    assert gateway.metric("extproc_bugs_total") == 0


def is_served(gateway: Gateway) -> bool:
    try:
        answer = httpx.post(gateway.url + CHAT, json=body("small"), timeout=20, trust_env=False)
    except httpx.TransportError:
        return False
    return answer.status_code == 200


def limit_descriptors(soft: int, hard: int) -> None:
    """As a shell's `ulimit` does it, in the process that is started."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def closed(gateway: Gateway, reason: str) -> float:
    return gateway.metric("extproc_connections_refused_total", reason=reason)


# --- HTTP/2 ----------------------------------------------------------------------------------------------------------


def test_streams_that_are_opened_and_reset_at_once_end_the_connection(gateway: Gateway) -> None:
    """Rapid reset: one connection gets some hundreds, and no more."""
    before = closed(gateway, "streams_reset")

    async def flood() -> int:
        async with connected(gateway.port) as client:
            for number in range(5_000):
                client.cancel(client.send("GET", "/v1/models"))
                if number % 10 == 0:
                    await asyncio.sleep(0.001)
                if client.closed:
                    break
            await client.until(lambda: client.closed)
            return client.next_stream // 2

    assert asyncio.run(flood()) < 5_000
    assert closed(gateway, "streams_reset") == before + 1


def test_more_streams_than_allowed_end_the_connection(gateway: Gateway) -> None:
    """A client is told the number, and who does not keep to it speaks no HTTP/2. As many as allowed are served."""
    before = closed(gateway, "protocol")

    async def crowd(number: int) -> bool:
        """Whether it is let go on; their bodies never come."""
        async with connected(gateway.port) as client:
            assert client.settings[MAX_CONCURRENT_STREAMS] == STREAMS
            for _ in range(number):
                client.send("POST", CHAT, JSON, None)
            await client.heard()
            return not client.closed

    async def allowed() -> None:
        async with connected(gateway.port) as client:
            streams = [client.send("GET", "/v1/models") for _ in range(STREAMS)]
            await client.until(lambda: len(client.ended) == STREAMS)
            assert all(client.is_ok(stream) for stream in streams)

    asyncio.run(allowed())
    assert asyncio.run(crowd(STREAMS))
    assert not asyncio.run(crowd(STREAMS + 5))
    assert closed(gateway, "protocol") == before + 1


@pytest.mark.parametrize(
    "headers",
    [{f"x-{place}": "1" for place in range(300)}, {f"x-{place}": "a" * 10_000 for place in range(12)}],
    ids=["many", "large"],
)
def test_headers_that_are_too_many_or_large_reset_their_stream(gateway: Gateway, headers: dict[str, str]) -> None:
    """In HTTP/2 Envoy has no answer for it; the connection and its other streams go on."""

    async def asked() -> None:
        async with connected(gateway.port) as client:
            before, bad = client.send("GET", "/v1/models"), client.send("GET", "/v1/models", headers)
            await client.until(lambda: bad in client.reset)
            behind = client.send("GET", "/v1/models")
            await client.until(lambda: {before, behind} <= client.ended)
            assert client.is_ok(before) and client.is_ok(behind) and bad not in client.answered

    asyncio.run(asked())


# --- connections -----------------------------------------------------------------------------------------------------


def is_open(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionError:
        return False


def test_connections_over_the_limit_are_closed_at_once(gateway: Gateway) -> None:
    """Those before them live; when some leave, others are let in."""
    before = closed(gateway, "connections")
    held = [socket.create_connection(("127.0.0.1", gateway.port), timeout=0.2) for _ in range(CONNECTIONS + 20)]
    try:
        eventually(lambda: closed(gateway, "connections") >= before + 20, "twenty are counted")
        assert gateway.metric("extproc_connections_open") <= CONNECTIONS
        alive = [one for one in held if is_open(one)]
        assert 0 < len(alive) <= CONNECTIONS
        alive[0].sendall(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
        alive[0].settimeout(10)
        assert alive[0].recv(12) == b"HTTP/1.1 200"
    finally:
        for one in held:
            one.close()


# --- one address -----------------------------------------------------------------------------------------------------


def test_a_flood_is_refused_and_its_limit_changes_while_connections_stay(lab: Demo) -> None:
    """Behind a proxy on this machine: each of its clients has a bucket of its own, and is not local because the proxy
    is. A reload raises the limit on a connection that is open since before; what it cannot change, it says."""
    listen: dict[str, Any] = {
        "trusted_hops": 1,
        "limits": {"per_address": {"requests_per_second": 1, "burst": 3}, "connections": 100},
    }
    far, farther = ({"x-forwarded-for": f"127.0.0.1, 203.0.113.{last}"} for last in (8, 9))
    with (
        running(configuration(lab, **listen)) as gateway,
        httpx.Client(base_url=gateway.url, trust_env=False, timeout=20) as client,
    ):
        flood = [client.get("/v1/models", headers=far) for _ in range(40)]
        refused = [answer for answer in flood if answer.status_code == 429]
        assert len(refused) > 20 and refused[0].json()["error"]["code"] == "too_many_requests"
        assert refused[0].headers["retry-after"] == "1"
        assert gateway.metric("extproc_requests_refused_total", reason="address") >= len(refused)
        stranger = client.get("/v1/models", headers=farther)
        assert (stranger.status_code, stranger.json()["error"]["code"]) == (403, "caller_not_local")
        assert client.get("/v1/models").status_code == 200
        before = gateway.metric("extproc_connections_open")
        listen["limits"] = {"per_address": {"requests_per_second": 10_000}, "connections": 200}
        gateway.reload(configuration(lab, **listen))
        assert {client.get("/v1/models").status_code for _ in range(40)} == {200}
        assert gateway.metric("extproc_connections_open") == before
        eventually(lambda: "`connections` and `memory`" in gateway.err.text(), "the log says what waits")


# --- descriptors -----------------------------------------------------------------------------------------------------


def files_allowed(pid: int) -> tuple[str, str]:
    (line,) = [
        line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith("Max open files")
    ]
    soft, hard = line.split()[3:5]
    return soft, hard


def test_every_process_may_open_as_much_as_the_machine_allows(lab: Demo) -> None:
    """The soft limit that a shell gives is raised to the hard one, for Envoy and the processor. Where that is too low
    for the connections that were wished for, fewer are taken, and a line tells what is needed."""
    listen = {"limits": {"connections": 5_000}}
    with running(configuration(lab, **listen), before=lambda: limit_descriptors(1_024, 4_096)) as gateway:
        for pid in (gateway.envoy_pid, gateway.processor_pid):
            assert files_allowed(pid) == ("4096", "4096")
        told = gateway.err.text()
        assert "at most 1792 connections at a time, not 5000" in told and "10512 are needed" in told
