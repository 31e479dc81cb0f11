"""All formats by the dialect's name, and what a conversation with any of them needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.upstreams import anthropic, bedrock, cohere, gemini, mistral, ollama, openai
from tests.upstreams.words import Heard, Said


@dataclass(frozen=True, slots=True)
class Format:
    hear: Callable[[str, dict[str, Any]], Heard]
    whole: Callable[[Said], bytes]
    stream: Callable[[Said], bytes]
    failing_stream: Callable[[Said], bytes]
    error: Callable[[int, str], tuple[int, dict[str, str], bytes]]
    type: str
    stream_type: str
    model: str


def _format(module: Any, model: str) -> Format:
    parts = (module.hear, module.whole, module.stream, module.failing_stream, module.error)
    return Format(*parts, module.TYPE, module.STREAM_TYPE, model)


FORMATS: dict[str, Format] = {
    "openai": _format(openai, "gpt-4o"),
    "anthropic": _format(anthropic, "claude-sonnet-4-5"),
    "bedrock": _format(bedrock, "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    "gemini": _format(gemini, "gemini-2.5-flash"),
    "vertex": _format(gemini, "gemini-2.5-pro"),
    "cohere": _format(cohere, "command-a-03-2025"),
    "mistral": _format(mistral, "mistral-small-latest"),
    "ollama": _format(ollama, "llama3.2"),
}

# What a provider of a dialect must be configured with, beside its address.
NEEDED: dict[str, dict[str, str]] = {
    "bedrock": {"region": "us-east-1"},
    "vertex": {"project": "p", "region": "us-central1"},
}
