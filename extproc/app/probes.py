"""Probing, put together: the clock, the dice, the keyring and the signatures that probes go out with."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping

from extproc.dataplane.ca import NoCaBundle, find_ca_bundle
from extproc.observe.metrics import Metrics
from extproc.probing.board import Probing, connecting
from extproc.probing.provider import Tools
from extproc.probing.shown import Key, Shown
from extproc.snapshot import Provider


def new_probing(metrics: Metrics, key: Key, last_used: Callable[[str], float | None]) -> Probing:
    tools = Tools(
        now=time.monotonic,
        sleep=asyncio.sleep,
        draw=random.random,
        meter=metrics,
        last_used=last_used,
    )
    return Probing(tools, Shown(key, unsigned), connecting(_ca_bundle()))


def _ca_bundle() -> str | None:
    """None: OpenSSL's own places. Where those are empty too, probes by TLS say so."""
    try:
        return find_ca_bundle()
    except NoCaBundle:
        return None


def unsigned(provider: Provider, secret: bytes, page: str) -> Mapping[str, str]:
    return {}
