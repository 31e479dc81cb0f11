"""GETs to one endpoint: each on a connection of its own, bounded in time and size.

Law: redirects are not followed, proxies of the environment are not used (the provider's own is), nothing is
decompressed. A connection is never kept: that one stands is half of what a probe asks.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from extproc.probing.failures import Unanswered, words_of
from extproc.probing.hosts import HostNames
from extproc.probing.shown import Key
from extproc.probing.tls import TlsContext
from extproc.probing.ways_out import proxy_of
from extproc.snapshot import Endpoint, Provider
from extproc.version import VERSION

LARGEST_PAGE: Final = 1024 * 1024
_OWN: Final = {"user-agent": f"extproc-probe/{VERSION}", "accept": "*/*", "accept-encoding": "identity"}
# never used: making one for each client would read a bundle
NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_ONE_USE: Final = httpx.Limits(max_connections=4, max_keepalive_connections=0)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    whole: bool = True  # False: it was longer than is read


class Connection:
    def __init__(
        self, provider: Provider, endpoint: Endpoint, timeout: float, ca_bundle: str | None, hosts: HostNames, key: Key
    ) -> None:
        self._endpoint = endpoint
        self._hosts = hosts
        self._timeout = timeout
        self._connect_timeout = min(provider.connect_timeout, timeout)
        self._proxy = provider.proxy
        self._key = key
        name = provider.tls.server_name or (endpoint.host if endpoint.by_name else "")
        secure = endpoint.scheme == "https"
        self._tls = TlsContext(provider.tls, ca_bundle, name if self._proxy else None) if secure else None
        self._extensions = {"sni_hostname": name} if self._tls and name else {}
        self._made_of: tuple[object, ...] = ()
        self._client: httpx.AsyncClient | None = None

    async def get(self, path: str, headers: Mapping[str, str], *, read: bool) -> Answer:
        """`read` False: of the answer only its status is waited for. Raises Unanswered."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._from_one_address(await self._ready(), path, headers, read)
        except TimeoutError:
            raise Unanswered(f"no answer within {self._timeout:g} s") from None
        except httpx.ConnectTimeout:
            raise Unanswered(f"no connection within {self._connect_timeout:g} s") from None
        except httpx.TimeoutException:
            raise Unanswered(f"no answer within {self._timeout:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            through = f"through the proxy {self._proxy.host}:{self._proxy.port}: " if self._proxy else ""
            raise Unanswered(through + words_of(error)) from None

    async def _from_one_address(
        self, client: httpx.AsyncClient, path: str, headers: Mapping[str, str], read: bool
    ) -> Answer:
        """From the first of its addresses that takes a connection."""
        if self._endpoint.scheme == "unix":
            return await self._get(client, "localhost", path, headers, read)
        if self._proxy is not None:
            return await self._get(client, self._at(self._endpoint.host), path, headers, read)  # it looks names up
        *others, last = await self._hosts.addresses(self._endpoint.host)
        for address in others:
            with contextlib.suppress(httpx.ConnectError):
                return await self._get(client, self._at(address), path, headers, read)
        return await self._get(client, self._at(last), path, headers, read)

    def _at(self, address: str) -> str:
        return f"{f'[{address}]' if ':' in address else address}:{self._endpoint.port}"

    async def _get(
        self, client: httpx.AsyncClient, at: str, path: str, headers: Mapping[str, str], read: bool
    ) -> Answer:
        url = f"{'https' if self._tls else 'http'}://{at}{path}"
        shown = {**_OWN, **headers, "host": self._endpoint.authority}
        async with client.stream("GET", url, headers=shown, extensions=self._extensions) as answer:
            if not read or answer.status_code != 200:
                return Answer(answer.status_code)
            body = bytearray()
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > LARGEST_PAGE:
                    return Answer(answer.status_code, whole=False)
            return Answer(answer.status_code, bytes(body))

    async def _ready(self) -> httpx.AsyncClient:
        """Another client where the files of its TLS have changed, or what the proxy is shown."""
        context = self._tls.current() if self._tls is not None else None
        proxy = proxy_of(self._proxy, self._key)
        made_of = (context, proxy and proxy.headers)
        if self._client is None or made_of != self._made_of:
            await self.close()
            socket = self._endpoint.host if self._endpoint.scheme == "unix" else None
            verify = NO_TLS if context is None else context
            transport = httpx.AsyncHTTPTransport(
                verify=verify, uds=socket, limits=_ONE_USE, trust_env=False, proxy=proxy
            )
            limits = httpx.Timeout(self._timeout, connect=self._connect_timeout)
            self._client = httpx.AsyncClient(transport=transport, timeout=limits, trust_env=False)
            self._made_of = made_of
        return self._client

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
