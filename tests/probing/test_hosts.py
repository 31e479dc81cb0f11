"""Names of hosts: looked up beside the requests, and tried address by address."""

import asyncio
import socket
import threading
from dataclasses import replace
from typing import Any

import pytest

from extproc.probing.hosts import HostNames
from extproc.snapshot import Endpoint, HealthSpec, is_ip
from tests.envoy.gateway import free_port
from tests.probing.scene import PATIENCE, Scene, cluster, until
from tests.probing.server import page, serving


class Names:
    """Instead of the system's resolver."""

    def __init__(self, **found: list[str]) -> None:
        self.found = found
        self.asked: list[str] = []
        self.let_go = threading.Event()
        self.hangs = False

    def __call__(self, host: str, port: object, **more: object) -> list[Any]:
        self.asked.append(host)
        if self.hangs:
            self.let_go.wait(10)
        if host not in self.found:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.found[host]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    found = Names(west=["127.0.0.2", "127.0.0.1", "127.0.0.1"])
    monkeypatch.setattr("extproc.probing.hosts.socket.getaddrinfo", found)
    return found


def at(host: str, port: int) -> Any:
    return replace(cluster(), endpoints=(Endpoint("http", host, port),), health=HealthSpec(timeout=PATIENCE))


async def test_the_first_address_that_takes_a_connection_is_asked(names: Names) -> None:
    async with serving({"/health": page()}) as answering:
        endpoint = Scene().endpoint(at("west", answering.port))
        assert await endpoint.probe(), endpoint.health.why
        assert answering.asked[0][1]["host"] == f"west:{answering.port}"
    assert names.asked[0] == "west" and endpoint.name == f"west:{answering.port}"


async def test_a_host_without_an_address_is_a_failure(names: Names) -> None:
    endpoint = Scene().endpoint(at("nowhere", free_port()))
    assert not await endpoint.probe()
    assert endpoint.health.why == "a probe failed: its host has no address"
    refused = Scene().endpoint(at("west", free_port()))
    assert not await refused.probe()
    assert refused.health.why == "a probe failed: connection refused"


async def test_a_look_up_that_hangs_is_one_thread_and_none_of_those_that_requests_need(names: Names) -> None:
    names.hangs = True
    hosts = HostNames()
    try:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await hosts.addresses("west")
        assert names.asked == ["west"]
        assert await asyncio.wait_for(asyncio.to_thread(lambda: 1), 5) == 1
        endpoint = Scene().endpoint(at("other", 1))
        assert not await endpoint.probe()
        assert endpoint.health.why == f"a probe failed: no answer within {PATIENCE:g} s"
    finally:
        names.let_go.set()
    await until(lambda: not hosts._asked)
    names.hangs = False
    assert await hosts.addresses("west") == ("127.0.0.2", "127.0.0.1")
    assert names.asked == ["west", "other", "west"]


@pytest.mark.parametrize(("host", "plain"), [("127.0.0.1", True), ("::1", True), ("localhost", False), ("1.2", False)])
async def test_an_address_needs_no_look_up(names: Names, host: str, plain: bool) -> None:
    assert is_ip(host) is plain
    if plain:
        assert await HostNames().addresses(host) == (host,)
        assert names.asked == []
