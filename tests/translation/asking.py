"""One question to one pair, as an attempt puts it: by dialect and model."""

import json
from typing import Any

from extproc.config.tables import look_up
from extproc.dialects.registry import api_of
from extproc.refusal import Refusal
from extproc.snapshot import Provider
from extproc.translation.pair import Call, Destination, Pair, TranslatedRequest
from extproc.translation.registry import CHAT_PAIRS, SAME_SHAPE, pair_for
from tests.translation.providers import provider
from tests.validators.client import validate

# Several where a dialect's models want to be asked differently: old and new, with thinking and without.
MODELS: dict[str, tuple[str, ...]] = {
    "anthropic": ("claude-3-haiku-20240307", "claude-sonnet-4-5", "claude-opus-4-7"),
    "bedrock": (
        "anthropic.claude-3-haiku-20240307-v1:0",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.anthropic.claude-opus-4-7",
        "amazon.nova-lite-v1:0",
    ),
    "gemini": ("gemini-2.0-flash", "gemini-2.5-flash", "gemini-3-pro-preview"),
    "vertex": ("gemini-2.5-pro", "gemini-3-flash-preview", "claude-sonnet-4-5@20250929"),
    "cohere": ("command-r-08-2024", "command-a-03-2025", "command-a-reasoning-08-2025"),
    "mistral": ("mistral-small-latest", "magistral-medium-latest"),
    "ollama": ("llama3.2", "gpt-oss:20b"),
}
ANY_MODEL = ("some-model",)
HOSTS: dict[str, dict[str, Any]] = {
    "vertex": {"project": "p", "region": "us-central1"},
    "bedrock": {"region": "us-east-1"},
}
SERVES = {"vertex": ("gemini", "anthropic")}  # dialects that stand for more than one API


def translating() -> list[tuple[str, str]]:
    """All (dialect, model) that a registered pair puts a chat into other words for."""
    dialects = sorted({to for _, to in CHAT_PAIRS} | {d for d, apis in SERVES.items() if set(apis) & _apis()})
    every = [(dialect, model) for dialect in dialects for model in MODELS.get(dialect, ANY_MODEL)]
    return [(dialect, model) for dialect, model in every if api_of(dialect, model) in _apis()]


def _apis() -> set[str]:
    return {to for caller, to in CHAT_PAIRS if caller == "openai"}


def passing() -> list[str]:
    """The dialects to which the caller's words go as they are."""
    return sorted({to for caller, to in SAME_SHAPE if caller == "openai"} - _apis())


def provider_of(dialect: str) -> Provider:
    return provider(dialect, dialect, f"api.{dialect}.example", **HOSTS.get(dialect, {}))  # type: ignore[arg-type]


def destination(dialect: str, model: str) -> Destination:
    return Destination(provider_of(dialect), model, look_up(dialect, model))


def pair_of(dialect: str, model: str) -> Pair:
    found = pair_for("openai", dialect, model, "chat")
    assert found is not None
    return found


def chat_call(body: bytes, **more: Any) -> Call:
    """The caller's request as the router found it."""
    try:
        fields: Any = json.loads(body)
    except (ValueError, RecursionError):
        fields = None
    said = fields if isinstance(fields, dict) else {}
    options = said.get("stream_options")
    given: dict[str, Any] = {
        "endpoint": "chat",
        "path": "/v1/chat/completions",
        "content_type": "application/json",
        "body": body,
        "body_model": said.get("model") if isinstance(said.get("model"), str) else None,
        "stream": said.get("stream") is True,
        "usage_asked": isinstance(options, dict) and options.get("include_usage") is True,
        "id": "exchange-1",
        "created": 1_750_000_000,
    }
    return Call(**{**given, **more})


def translated(dialect: str, body: bytes, model: str) -> TranslatedRequest | Refusal:
    call, to = chat_call(body), destination(dialect, model)
    pair = pair_of(dialect, model)
    assert pair.needs_body(call, to)
    return pair.request(call, to)


def judged(dialect: str, model: str, sent: TranslatedRequest) -> list[str]:
    """What the vendor's own types say of it."""
    assert sent.body is not None
    body = json.loads(sent.body)
    api = api_of(dialect, model)
    if dialect == "vertex" and api == "anthropic":
        # The same but for the model, which is in the path, and the version, which is in the body.
        assert "model" not in body and body.pop("anthropic_version").startswith("vertex-")
        body["model"] = model
    return validate(api if dialect != "vertex" or api != "gemini" else "vertex", body)
