"""What the gateway tells callers of itself: /health, /health/providers and /ready."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from extproc import names
from extproc.facts.request import CallerFacts
from tests.exchange.scene import CALLERS, ID, PROVIDERS, ROUTES, Scene, error_of, snapshot


class Pages:
    def __init__(self, status: str) -> None:
        self.status = status
        self.callers: list[CallerFacts] = []

    def health(self) -> Mapping[str, object]:
        return {"status": self.status, "total_clusters": 2}

    def health_of_providers(self, caller: CallerFacts) -> Mapping[str, object]:
        self.callers.append(caller)
        return {"alpha": {"status": self.status}}

    def ready(self) -> Mapping[str, object]:
        return {"status": self.status}


def scene(status: str = "healthy") -> tuple[Scene, Pages]:
    found, pages = Scene(snapshot(PROVIDERS, ROUTES, CALLERS)), Pages(status)
    found.desk = replace(found.desk, pages=pages)
    return found, pages


KEY = {"authorization": "Bearer gw-ci"}


@pytest.mark.parametrize(
    ("endpoint", "status", "code"),
    [
        ("health", "healthy", 200),
        ("health", "degraded", 200),
        ("health", "unhealthy", 503),
        ("ready", "ready", 200),
        ("ready", "draining", 503),
        ("health_of_providers", "unhealthy", 200),
    ],
)
async def test_the_status_is_the_codes_too(endpoint: str, status: str, code: int) -> None:
    asking, pages = scene(status)
    turn = await asking.ask(endpoint=endpoint, method="GET", path="/health", headers=KEY)
    assert turn.done and (turn.reply.status, turn.reply.details) == (code, "extproc_health")
    assert (names.REQUEST_ID, ID) in turn.reply.headers and ("cache-control", "no-store") in turn.reply.headers
    document = json.loads(turn.reply.body)
    assert document.get("status", document.get("alpha", {}).get("status")) == status
    assert turn.reply.metadata[names.META]["caller"] == "ci"
    assert [caller.name for caller in pages.callers] == (["ci"] if endpoint == "health_of_providers" else [])
    assert asking.books.told == [], "nothing was decided"


@pytest.mark.parametrize("endpoint", ["health", "health_of_providers", "ready"])
async def test_a_stranger_is_told_nothing(endpoint: str) -> None:
    asking, pages = scene()
    turn = await asking.ask(endpoint=endpoint, method="GET", path="/health", headers={"authorization": "Bearer x"})
    assert turn.reply.status == 401 and pages.callers == []


async def test_another_method_is_no_such_endpoint() -> None:
    asking, _ = scene()
    turn = await asking.ask(endpoint="health", method="POST", path="/health", headers=KEY)
    assert (turn.reply.status, error_of(turn)["code"]) == (405, "method_not_allowed")
