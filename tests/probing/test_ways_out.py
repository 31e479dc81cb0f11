"""Probes through a proxy that tunnels: as the provider's requests go."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from extproc import names
from extproc.probing.endpoint import ProbedEndpoint
from extproc.snapshot import Endpoint, HealthSpec, Proxy, Tls
from tests.dataplane.certificates import Ca, server_side
from tests.dataplane.connect_proxy import ConnectProxy, proxying
from tests.probing.scene import Scene, cluster
from tests.probing.server import Server, page, serving

FAR = "api.far.test"
SHOWN = b"Basic dXM6c2VjcmV0"


@asynccontextmanager
async def behind(directory: Path) -> AsyncIterator[tuple[Server, ConnectProxy, Tls]]:
    ca = Ca()
    (directory / "ca.pem").write_bytes(ca.certificate)
    async with serving({"/health": page()}, server_side(ca, directory, FAR)) as server:
        with proxying() as proxy:
            proxy.places = {f"{FAR}:443": server.port, "192.0.2.7:8443": server.port, "other.far.test:443": server.port}
            yield server, proxy, Tls(ca=str(directory / "ca.pem"))


def probed(
    proxy: ConnectProxy, tls: Tls, host: str = FAR, port: int = 443, *, authorized: bool = False
) -> ProbedEndpoint:
    scene = Scene()
    scene.keys[names.KEY_PROXY + "egress@1"] = SHOWN
    way = Proxy("egress@1", "localhost", proxy.port, authorized)
    at = (Endpoint("https", host, port),)
    return scene.endpoint(replace(cluster(), endpoints=at, tls=tls, proxy=way, health=HealthSpec(timeout=5)))


@pytest.mark.parametrize("authorized", [False, True])
async def test_the_proxy_looks_the_name_up(tmp_path: Path, authorized: bool) -> None:
    """And is shown who we are where it asks for it; what is for the provider it does not see."""
    async with behind(tmp_path) as (server, proxy, tls):
        endpoint = probed(proxy, tls, authorized=authorized)
        assert await endpoint.probe(), endpoint.health
        assert server.asked[0][1]["host"] == FAR
        assert set(proxy.lines) == {f"CONNECT {FAR}:443 HTTP/1.1"}
        assert proxy.asked[0][1].get("proxy-authorization") == (SHOWN.decode() if authorized else None)
        assert "proxy-authorization" not in server.asked[0][1]
        assert b"/health" not in bytes(proxy.passed)
        await endpoint.close()


@pytest.mark.parametrize(
    ("host", "port", "name", "good"),
    [
        ("192.0.2.7", 8443, FAR, True),
        ("192.0.2.7", 8443, None, False),
        ("other.far.test", 443, None, False),
        ("other.far.test", 443, FAR, True),
        (FAR, 443, "other.far.test", False),
    ],
)
async def test_inside_the_tunnel_the_certificate_bears_the_providers_name(
    tmp_path: Path, host: str, port: int, name: str | None, good: bool
) -> None:
    """`server_name`, else the host of its address."""
    async with behind(tmp_path) as (_, proxy, tls):
        endpoint = probed(proxy, replace(tls, server_name=name), host, port)
        assert await endpoint.probe() is good, endpoint.health
        assert proxy.lines[0].split(" ")[1] == f"{host}:{port}"
        assert good or "its certificate does not hold" in str(endpoint.health)
        await endpoint.close()


async def test_a_tunnel_that_is_refused_is_a_failed_probe(tmp_path: Path) -> None:
    """In words of our own, which name the proxy."""
    async with behind(tmp_path) as (_, proxy, tls):
        endpoint = probed(proxy, tls)
        proxy.answer = b"HTTP/1.1 407 <b>your password is secret</b>\r\ncontent-length: 0\r\n\r\n"
        assert not await endpoint.probe()
        assert f"through the proxy localhost:{proxy.port}: it answers 407" in str(endpoint.health)
        assert "secret" not in str(endpoint.health)
        await endpoint.close()
