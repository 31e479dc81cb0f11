"""Demo providers as upstreams of a gateway, and what reached them."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from extproc.demo.catalog import INSTANT, Model, Provider, Speed
from tests.demo.running import on_tcp

CHAT = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Demo:
    name: str
    origin: str
    key: str

    def received(self) -> list[dict[str, Any]]:
        return list(httpx.get(f"{self.origin}/__demo/received", trust_env=False).json()["received"])

    def last(self) -> dict[str, Any]:
        return self.received()[-1]

    def clear(self) -> None:
        httpx.delete(f"{self.origin}/__demo/received", trust_env=False)

    def ending_of_last(self, seconds: float = 5.0) -> str:
        deadline = time.monotonic() + seconds
        while (ending := str(self.last()["ending"])) == "open" and time.monotonic() < deadline:
            time.sleep(0.02)
        return ending

    def configured(self, **more: Any) -> dict[str, Any]:
        """This upstream as a provider of a configuration."""
        return {"dialect": "openai", "base_url": f"{self.origin}/v1", "credential": self.key, **more}


@contextmanager
def demo(name: str, *models: Model, speed: Speed = INSTANT, any_model: bool = True) -> Iterator[Demo]:
    provider = Provider(name, models=models, speed=speed, any_model=any_model)
    with on_tcp(provider) as origin:
        yield Demo(name, origin, provider.key)


def body(model: str | None = "m", **more: Any) -> dict[str, Any]:
    named = {"model": model} if model is not None else {}
    return {**named, "messages": [{"role": "user", "content": "hello"}], **more}


def events(text: str) -> list[Any]:
    """The data of an SSE answer; the end mark stays the text that it is."""
    said = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [each if each == "[DONE]" else json.loads(each) for each in said]
