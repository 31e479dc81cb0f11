"""Moves of canaries, told to their webhooks: one POST of JSON for each, tried a few times.

Law: nobody waits for it, and no request does. An address is a secret: it is in no log, no metric and no error. At most
so many are on their way; what finds no room is counted as failed.
"""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, Protocol

import httpx

from extproc import names
from extproc.dataplane.ca import ca_bundle_or_none
from extproc.outcome.rollout_page import efficiency, plain_numbers
from extproc.outcome.rollouts import Told
from extproc.probing.ways_out import proxy_of
from extproc.snapshot import Proxy

_log = logging.getLogger("extproc")
PAUSES: Final = (1.0, 5.0, 25.0)  # seconds between tries
TIMEOUT: Final = 10.0
MOST_AT_ONCE: Final = 32
_WORTH_ANOTHER_TRY: Final = frozenset({408, 425, 429})
_LAST_MOMENT: Final = 2.0  # seconds that what is on its way gets at the end


class Meter(Protocol):
    def canary_webhook(self, strategy: str, result: Literal["ok", "failed"]) -> None: ...


class Webhooks:
    def __init__(
        self,
        key: Callable[[str], bytes | None],
        meter: Meter,
        proxy: Callable[[str], Proxy | None] = lambda _: None,
        epoch: Callable[[], float] = time.time,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._key = key
        self._meter = meter
        self._proxy = proxy  # on the way to a strategy's webhook
        self._epoch = epoch
        self._pauses = pauses
        self._tls: ssl.SSLContext | None = None
        self._on_their_way: set[asyncio.Task[None]] = set()

    def announce(self, told: Told) -> None:
        if not told.webhook:
            return
        if len(self._on_their_way) >= MOST_AT_ONCE:
            self._failed(told.strategy, f"{MOST_AT_ONCE} others are on their way")
            return
        task = asyncio.get_running_loop().create_task(self._deliver(told.strategy, body_of(told, self._epoch())))
        self._on_their_way.add(task)
        task.add_done_callback(self._on_their_way.discard)

    async def close(self) -> None:
        """What is on its way gets a last moment."""
        if self._on_their_way:
            _, late = await asyncio.wait(set(self._on_their_way), timeout=_LAST_MOMENT)
            for task in late:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _deliver(self, strategy: str, body: dict[str, Any]) -> None:
        address = None
        with contextlib.suppress(OSError):  # it may be read from a file
            address = self._key(names.KEY_WEBHOOK + strategy)
        if address is None:
            self._failed(strategy, "its address is not there")
            return
        why, again = await self._try(strategy, address, body)
        for pause in self._pauses:
            if not again:
                break
            await asyncio.sleep(pause)
            why, again = await self._try(strategy, address, body)
        if why is None:
            self._meter.canary_webhook(strategy, "ok")
        else:
            self._failed(strategy, why)

    async def _try(self, strategy: str, address: bytes, body: dict[str, Any]) -> tuple[str | None, bool]:
        """(why not, whether another try may help)."""
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                self._client(strategy) as http,
                http.stream("POST", address.decode().strip(), json=body) as answer,
            ):
                pass  # its body is not read: it may be as long as it likes
        except (httpx.HTTPError, TimeoutError) as error:
            return type(error).__name__, not isinstance(error, httpx.UnsupportedProtocol)
        except (httpx.InvalidURL, ValueError):
            return "its address is none", False
        if answer.is_success:
            return None, False
        return f"it answered {answer.status_code}", answer.is_server_error or answer.status_code in _WORTH_ANOTHER_TRY

    def _client(self, strategy: str) -> httpx.AsyncClient:
        """Moves are rare: each try has a connection of its own, by the way that is in force now."""
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=ca_bundle_or_none())
        proxy = proxy_of(self._proxy(strategy), self._key)
        transport = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, proxy=proxy)
        return httpx.AsyncClient(transport=transport, timeout=TIMEOUT, follow_redirects=False, trust_env=False)

    def _failed(self, strategy: str, why: str) -> None:
        self._meter.canary_webhook(strategy, "failed")
        _log.error("the webhook of canary %s was not told of a move: %s", strategy, why)


def body_of(told: Told, now: float) -> dict[str, Any]:
    return {
        "event": told.move.kind,
        "strategy": told.strategy,
        "from": told.move.before,
        "to": told.move.after,
        "reason": told.move.reason,
        **plain_numbers(told.seen.canary),
        "cost_efficiency": efficiency(told.seen),
        "time": now,
    }
