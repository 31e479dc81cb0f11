"""Constant load on a gateway, of every way that an exchange can go: whole and streamed, as it is and translated.

Law: a request is good when it was answered whole, by the words of its upstream; all else is kept as a failure, with
what was said. A few clients of each kind ask one after the other until they are told to end.
"""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.envoy.demo import CHAT, body
from tests.envoy.upstream import LAST_CHUNK, SSE_HEAD, Asked, chunk, whole
from tests.upstreams.formats import FORMATS
from tests.upstreams.words import Said

KINDS = ("plain", "stream", "translated", "translated stream")
WORDS = "All of it arrived."
CLIENTS = 2  # of each kind
PAUSE = 0.02  # seconds between a client's requests
PIECES = 6
PIECE_EACH = 0.08  # seconds: a stream takes half a second
_OPENAI, _ANTHROPIC = FORMATS["openai"], FORMATS["anthropic"]


def providers(origin: str) -> dict[str, Any]:
    """One that is passed on and one that is translated, both at the upstream that plays `answering`."""
    never = {"failure_threshold": 1_000_000}
    return {
        "same": {"dialect": "openai", "base_url": f"{origin}/v1", "models": ["m"], "circuit_breaker": never},
        "other": {
            "dialect": "anthropic",
            "base_url": origin,
            "credential": "k",
            "models": [{"name": "t", "upstream": "claude-sonnet-4-5"}],
            "circuit_breaker": never,
        },
    }


async def answering(asked: Asked, writer: asyncio.StreamWriter) -> None:
    speaks = _ANTHROPIC if asked.path.endswith("/messages") else _OPENAI
    said = Said(WORDS)
    if not json.loads(asked.body).get("stream"):
        writer.write(whole(speaks.whole(said), content_type=speaks.type))
        await writer.drain()
        return
    told = speaks.stream(said)
    size = len(told) // PIECES + 1
    writer.write(SSE_HEAD)
    for at in range(0, len(told), size):
        writer.write(chunk(told[at : at + size]))
        await writer.drain()
        await asyncio.sleep(PIECE_EACH)
    writer.write(LAST_CHUNK)
    await writer.drain()


@dataclass(slots=True)
class Answers:
    good: Counter[str] = field(default_factory=Counter)  # by kind
    failed: dict[str, list[str]] = field(default_factory=dict)  # by kind, what was said
    slowest: float = 0.0  # seconds to a first byte

    @property
    def all_failed(self) -> int:
        return sum(len(said) for said in self.failed.values())

    def told(self) -> str:
        counts = ", ".join(f"{kind}: {self.good[kind]} good {len(self.failed.get(kind, ()))} failed" for kind in KINDS)
        return f"{counts}; slowest {self.slowest:.2f} s; {dict(self.failed)}"


class Load:
    """Entered, it asks; left, every request that was asked has its answer."""

    def __init__(self, url: str, clients: int = CLIENTS) -> None:
        self._url = url
        self._clients = clients
        self._ending = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.answers = Answers()

    def __enter__(self) -> "Load":
        self._thread.start()
        self.until(lambda: all(self.answers.good[kind] >= self._clients for kind in KINDS), "a first good answer each")
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), "somebody was never answered"

    def until(self, holds: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}; {self.answers.told()}"
            time.sleep(0.02)

    def more(self, each: int = 3) -> None:
        """Waits until every kind has had so many good answers more."""
        wanted = {kind: self.answers.good[kind] + each for kind in KINDS}
        self.until(lambda: all(self.answers.good[kind] >= wanted[kind] for kind in KINDS), "more good answers")

    async def _run(self) -> None:
        async with httpx.AsyncClient(base_url=self._url, trust_env=False, timeout=20) as client:
            await asyncio.gather(*(self._ask(client, kind) for kind in KINDS for _ in range(self._clients)))

    async def _ask(self, client: httpx.AsyncClient, kind: str) -> None:
        while not self._ending.is_set():
            began = time.monotonic()
            try:
                content = body("t" if "translated" in kind else "m", stream="stream" in kind)
                async with client.stream("POST", CHAT, json=content) as answer:
                    self.answers.slowest = max(self.answers.slowest, time.monotonic() - began)
                    text = (await answer.aread()).decode()
                good = answer.status_code == 200 and _complete(text, "stream" in kind)
                said = f"{answer.status_code} {text[:200]}"
            except httpx.HTTPError as error:
                good, said = False, repr(error)
            if good:
                self.answers.good[kind] += 1
            else:
                self.answers.failed.setdefault(kind, []).append(said)
            await asyncio.sleep(PAUSE)


def _complete(text: str, stream: bool) -> bool:
    if not stream:
        return str(json.loads(text)["choices"][0]["message"]["content"]) == WORDS
    if not text.endswith("data: [DONE]\n\n"):
        return False
    events = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: {")]
    said = [choice["delta"].get("content") or "" for event in events for choice in event["choices"]]
    return "".join(said) == WORDS
