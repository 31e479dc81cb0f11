"""What exchanges are played with: snapshots as an operator writes them, a desk whose books remember, Envoy's events."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from extproc import names
from extproc.config.load import load_document
from extproc.decision.plan import Observation, Observations
from extproc.exchange.desk import Desk
from extproc.exchange.router import RouterExchange
from extproc.exchange.shelf import Shelf
from extproc.outcome.pending import Decided
from extproc.protocol.events import BodyEvent, Context, Headers, HeadersEvent, TrailersEvent
from extproc.protocol.replies import Turn
from extproc.snapshot import Snapshot, Target

PROVIDERS = """
providers:
  alpha:
    dialect: openai
    base_url: http://127.0.0.1:9001/v1
    credential: sk-alpha
    models: [{name: m, price: {input: 1, output: 2}}, {name: listen, endpoints: [audio]}]
  beta:
    dialect: openai
    endpoints: [http://127.0.0.1:9002]
    credential: sk-beta
    headers: {x-plan: basic}
    models: {m: big-m}
  gamma: {dialect: openai, base_url: "http://127.0.0.1:9004/v1", credential: caller, models: [own]}
"""
ROUTES = """
services:
  billing: {endpoints: ["http://127.0.0.1:9003"]}
aliases:
  smart: [alpha/m, beta/m]
  mine: [gamma/own, alpha/m]
routes:
  - {name: bills, match: {path: /billing/*}, service: billing}
  - {name: exact, match: {path: /exact/*}, usage: exact}
  - {name: attended, match: {path: /attended/*}, attend: true}
  - {name: first, match: {path: /first/*}, failover: {first_event: true}}
  - {name: classes, match: {path: /classes/*}, failover: {fallback_on: [context_length, auth, not_found]}}
  - {name: only-beta, match: {path: /beta/*}, providers: [beta]}
  - {name: main, match: {path: /v1/*}}
"""
CALLERS = """
callers:
  - {name: ci, key: gw-ci, labels: {team: platform}, models: ["m", "smart"]}
  - {name: nobody, key: gw-nobody, models: ["nothing"]}
"""
CLAUDE_FIRST = """
providers:
  claude: {dialect: anthropic, base_url: "http://127.0.0.1:9005", credential: k, models: [claude-sonnet-4-5]}
  alpha: {dialect: openai, base_url: "http://127.0.0.1:9001/v1", credential: k, models: [m]}
aliases:
  chain: [claude/claude-sonnet-4-5, alpha/m]
  alone: [claude/claude-sonnet-4-5]
routes: [{name: main, on_loss: reject}]
"""

NOW = 1000.0
ID = "id-1"


def snapshot(*parts: str) -> Snapshot:
    loaded = load_document(yaml.safe_load("\n".join(parts or (PROVIDERS, ROUTES))), "test")
    assert loaded.compiled is not None, loaded.problems
    return loaded.compiled.snapshot


class RememberingBooks:
    """The desk's books: what was told to them, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.decisions: list[Decided] = []
        self.reserved: list[tuple[Target, str]] = []
        self.asked_for: list[str] = []
        self.shadows: list[tuple[str, str]] = []
        self.seen: dict[str, Observation] = {}

    def decided(self, decided: Decided) -> None:
        self.told.append("decided")
        self.decisions.append(decided)

    def observations(self, snapshot: Snapshot) -> Observations:
        self.asked_for.append(snapshot.id)
        return Observations(self.seen)

    def shadow_sent(self, target: Target) -> None:
        self.shadows.append((str(target), "sent"))

    def shadow_ended(self, target: Target, result: str, seconds: float) -> None:
        assert seconds >= 0
        self.shadows.append((str(target), result))

    def reserve(self, target: Target, exchange_id: str) -> None:
        self.told.append(f"reserve {target}")
        self.reserved.append((target, exchange_id))


class Scene:
    """A desk with these snapshots on its shelf, the last one current."""

    def __init__(self, *snapshots: Snapshot) -> None:
        first, *others = snapshots or (snapshot(),)
        self.shelf = Shelf(first)
        for later in others:
            self.shelf.put(later)
        self.books = RememberingBooks()
        clock = iter(range(10_000))
        self.desk = Desk(
            shelf=self.shelf,
            books=self.books,
            now=lambda: NOW + next(clock),
            epoch=lambda: 1_700_000_000.0,
            draw=lambda: 0.5,
            new_id=lambda: ID,
        )

    @property
    def current(self) -> Snapshot:
        return self.shelf.current

    def router(self) -> RouterExchange:
        return RouterExchange(self.desk)

    async def ask(
        self,
        body: bytes | dict[str, Any] | None = None,
        *,
        route: str = "main",
        endpoint: str = "chat",
        key: str | None = None,
        **more: Any,
    ) -> Turn:
        """One whole request at an exchange of its own; the turn that decided it."""
        exchange = self.router()
        event = request(
            names.route_key(self.current.id, route, endpoint) if key is None else key, end=body is None, **more
        )
        turn = await exchange.on(event)
        if turn.done or body is None:
            return turn
        assert not turn.reply.edit, "the headers go on as they are until the body is read"
        return await exchange.on(chunk(body, end=True))


def request(
    route_key: str,
    *,
    method: str = "POST",
    path: str = "/v1/chat/completions",
    headers: Mapping[str, str] = {},
    source: str = "127.0.0.1:5000",
    end: bool = False,
) -> HeadersEvent:
    pairs = {":method": method, ":path": path, "content-type": "application/json", "x-request-id": "rq-1", **headers}
    attributes = {names.ATTR_ROUTE: route_key, names.ATTR_SOURCE: source}
    block = Headers(tuple((name, value.encode()) for name, value in pairs.items()))
    return HeadersEvent("request", block, end, Context(attributes=attributes))


def chunk(body: bytes | dict[str, Any], *, end: bool = False, direction: str = "request") -> BodyEvent:
    return BodyEvent(direction, body if isinstance(body, bytes) else json.dumps(body).encode(), end)


def answer(
    status: str = "200",
    kind: str = "text/event-stream",
    *,
    attempt: int | None = 1,
    details: str | None = None,
    end: bool = False,
    **headers: str,
) -> HeadersEvent:
    pairs = {":status": status, "content-type": kind, **{name.replace("_", "-"): v for name, v in headers.items()}}
    block = Headers(tuple((name, value.encode()) for name, value in pairs.items()))
    attributes: dict[str, object] = {} if attempt is None else {names.ATTR_ATTEMPT: attempt}
    if details is not None:
        attributes[names.ATTR_DETAILS] = details
    return HeadersEvent("response", block, end, Context(attributes=attributes))


TRAILERS = TrailersEvent("response", Headers())


def error_of(turn: Turn) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(turn.reply.body)["error"]
    return error
