"""Records and a snapshot such as Envoy and the configuration make them, for the tests of this room."""

from typing import Any

from extproc import names
from extproc.money import Price
from extproc.outcome.record import Record
from extproc.snapshot import Caller, Endpoint, Match, Model, Provider, Route, Snapshot, Target

START = 1_795_254_880.0
SMALL, CLAUDE, ANY = Target("lab", "small"), Target("anthropic", "claude-3-haiku"), Target("open", "whatever")


def provider(name: str, *models: Model, **rest: Any) -> Provider:
    return Provider(
        name=name,
        dialect="openai",
        cluster=f"{name}-1a2b",
        endpoints=(Endpoint("https", f"{name}.example", 443),),
        path_prefix="/v1",
        versioned=True,
        models=models,
        lists_models=bool(models),
        **rest,
    )


SNAPSHOT = Snapshot(
    id="s1",
    providers={
        "lab": provider("lab", Model("small", price=Price(2_500_000_000, 10_000_000_000)), Model("big")),
        "anthropic": provider("anthropic", Model("claude-*", price=Price(1_000_000_000, 5_000_000_000))),
        "open": provider("open"),
    },
    services={},
    routes=(Route("main", Match()),),
    aliases={"smart": (SMALL, Target("open", "llama3"))},
    strategies={},
    callers=(Caller("ci", "00", labels={"team": "blue"}),),
)


def attempt(target: Target | None = SMALL, *, at: float = 0.0, status: int = 200, **rest: Any) -> Record:
    cluster = f"{target.provider}-1a2b" if target else ""
    answered = {"first_upstream_byte": 0.01} if status else {}
    given: dict[str, Any] = {
        "kind": "attempt",
        "request_id": "r1",
        "final": True,
        "status": status,
        "cluster": cluster,
        "remote_address": "192.0.2.1:443",
        "started_at": START + at,
        "duration": 0.25,
        **answered,
        **rest,
    }
    return Record(**{**given, "flags": frozenset(given.get("flags", ()))})


def exchange(*targets: Target, status: int = 200, count: int | None = None, **rest: Any) -> Record:
    told: dict[str, Any] = {
        names.M_ID: "x1",
        names.M_SNAPSHOT: "s1",
        names.M_ROUTE: "main",
        names.M_ENDPOINT: "chat",
        names.M_CALLER: "ci",
        names.M_MODEL: "smart",
        names.M_STRATEGY: "ordered",
        names.M_TARGETS: [str(target) for target in targets],
        names.M_STREAM: False,
        names.M_INPUT_ESTIMATE: 12.0,
        names.M_LABELS: {"team": "blue"},
        **rest.pop("told", {}),
    }
    metadata = {names.META: told, **rest.pop("metadata", {})}
    given: dict[str, Any] = {
        "kind": "exchange",
        "request_id": "r1",
        "final": True,
        "status": status,
        "attempt": len(targets) if count is None else count,
        "details": "via_upstream",
        "route_name": names.route_key("s1", "main", "chat"),
        "remote_address": "192.0.2.1:443",
        "started_at": START,
        "duration": 0.5,
        "first_upstream_byte": 0.02,
        "metadata": metadata,
        **rest,
    }
    return Record(**{**given, "flags": frozenset(given.get("flags", ()))})
