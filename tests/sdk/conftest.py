"""One gateway for all client SDKs, in front of demo providers and of one that speaks Azure's form."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from extproc.demo.catalog import Speed
from tests.envoy.demo import Demo, demo
from tests.envoy.gateway import Gateway, running
from tests.envoy.upstream import Asked, Upstream, scripted, whole
from tests.sdk.environments import OPENAI2, OPENAI3, Environment

CALLER = "key-of-the-sdk"
OTHERS = ["embeddings", "moderations", "images", "speech", "audio", "completions", "chat"]
AZURES = json.dumps(
    {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "dep",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "azure speaking"}}
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }
).encode()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.sdk)


@dataclass(frozen=True, slots=True)
class Stage:
    gateway: Gateway
    lab: Demo


async def azures(asked: Asked, writer: asyncio.StreamWriter) -> None:
    right = asked.path == "/openai/deployments/dep/chat/completions?api-version=2024-10-21"
    right = right and asked.headers.get("api-key") == "azure-key" and "authorization" not in asked.headers
    writer.write(whole(AZURES) if right else whole(b'{"error":{"message":"wrong form"}}', 400))


@pytest.fixture(scope="session", params=[OPENAI2, OPENAI3], ids=lambda each: each.name)
def generation(request: pytest.FixtureRequest) -> Environment:
    environment: Environment = request.param
    if why := environment.why_missing():
        pytest.skip(why)
    return environment


@pytest.fixture(scope="session")
def stage(generation: Environment) -> Iterator[Stage]:
    """One for each generation: what one was refused for a while must not be missed by the other."""
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(demo("lab"))
        slow = stack.enter_context(demo("slow", speed=Speed(5.0, 5)))
        azure: Upstream = stack.enter_context(scripted(azures))
        everything = [{"name": name, "endpoints": OTHERS} for name in ("m", "fault-cut", "fault-429", "fault-500")]
        config = {
            "providers": {
                "lab": lab.configured(models=[*everything, "fault-late-error-event"]),
                "slow": slow.configured(models=["slow"]),
                "azure": {
                    "dialect": "azure_openai",
                    "base_url": azure.origin,
                    "api_version": "2024-10-21",
                    "credential": "azure-key",
                    "models": {"az": "dep"},
                },
            },
            "callers": [{"name": "sdk", "key": CALLER}],
        }
        yield Stage(stack.enter_context(running(config)), lab)
