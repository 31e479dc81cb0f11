"""One question to one pair, as an attempt puts it: by dialect and model."""

import json
from typing import Any

from extproc.refusal import Refusal
from extproc.snapshot import Provider
from extproc.translation.openai_openai import OpenAIToOpenAI
from extproc.translation.pair import Call, Pair, TranslatedRequest
from extproc.translation.registry import PAIRS
from tests.translation.providers import provider

# Several where a dialect's models want to be asked differently: old and new, with thinking and without.
MODELS: dict[str, tuple[str, ...]] = {
    "anthropic": ("claude-3-haiku-20240307", "claude-sonnet-4-5", "claude-opus-4-7"),
    "bedrock": (
        "anthropic.claude-3-haiku-20240307-v1:0",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "amazon.nova-lite-v1:0",
    ),
    "gemini": ("gemini-2.0-flash", "gemini-2.5-flash", "gemini-3-pro-preview"),
    "vertex": ("gemini-2.5-pro", "gemini-3-flash-preview"),
    "cohere": ("command-r-08-2024", "command-a-03-2025"),
    "mistral": ("mistral-small-latest", "magistral-medium-latest"),
    "ollama": ("llama3.2", "gpt-oss:20b"),
}
ANY_MODEL = ("some-model",)
HOSTS: dict[str, dict[str, Any]] = {
    "vertex": {"path_prefix": "/v1/projects/p/locations/us-central1", "region": "us-central1"},
    "bedrock": {"region": "us-east-1"},
}


def translating() -> dict[str, Pair]:
    """The pairs that change a chat request's words, by the provider's dialect: all that are registered."""
    found = {to: pair for (caller, to), pair in PAIRS.items() if caller == "openai"}
    return {to: pair for to, pair in found.items() if not isinstance(pair, OpenAIToOpenAI)}


def passing() -> list[str]:
    """The dialects to which the caller's words go as they are."""
    return sorted({to for caller, to in PAIRS if caller == "openai"} - translating().keys())


def targets() -> list[tuple[str, str]]:
    return [(dialect, model) for dialect in sorted(translating()) for model in MODELS.get(dialect, ANY_MODEL)]


def provider_of(dialect: str) -> Provider:
    return provider(dialect, dialect, f"api.{dialect}.example", **HOSTS.get(dialect, {}))  # type: ignore[arg-type]


def chat_call(body: bytes, stream: bool | None = None, **more: Any) -> Call:
    """The caller's request as the router found it."""
    fields: Any = json.loads(body)
    said = fields if isinstance(fields, dict) else {}
    model = said.get("model") if isinstance(said.get("model"), str) else None
    streamed = said.get("stream") is True if stream is None else stream
    given: dict[str, Any] = {"endpoint": "chat", "path": "/v1/chat/completions", "content_type": "application/json"}
    return Call(**{**given, "body": body, "body_model": model, "stream": streamed, **more})


def translated(dialect: str, body: bytes, model: str) -> TranslatedRequest | Refusal:
    call = chat_call(body)
    pair = PAIRS["openai", dialect]
    assert pair.needs_body(call, provider_of(dialect), model) or dialect in passing()
    return pair.request(call, provider_of(dialect), model)
