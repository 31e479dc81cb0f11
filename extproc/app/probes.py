"""Probing, put together: with the clock, the dice and the keyring."""

import asyncio
import random
import secrets
import time
from collections.abc import Callable

from extproc.dataplane.ca import ca_bundle_or_none
from extproc.observe.metrics import Metrics
from extproc.probing.board import Probing, connecting
from extproc.probing.provider import Tools
from extproc.probing.shown import Key, Shown


def new_probing(metrics: Metrics, key: Key, last_used: Callable[[str], float | None]) -> Probing:
    tools = Tools(
        now=time.monotonic,
        sleep=asyncio.sleep,
        draw=random.random,
        meter=metrics,
        last_used=last_used,
    )
    shown = Shown(key, time.time, lambda: secrets.token_urlsafe(16))
    return Probing(tools, shown, connecting(ca_bundle_or_none(), key))
