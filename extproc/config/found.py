"""A configuration from the environment alone: every API key that is set makes a provider.

Law: nothing is guessed beyond the names that vendors' own SDKs and tools read; a key that is seen and not used is said
so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from extproc.config.found_clouds import bedrock, vertex
from extproc.config.found_egress import egress


@dataclass(frozen=True, slots=True)
class Found:
    document: dict[str, Any] | None = field(repr=False)
    notes: tuple[str, ...] = ()


def find(environment: Mapping[str, str]) -> Found:
    """What the environment configures. Empty values count as not set."""
    is_set = {name: value for name, value in environment.items() if value.strip()}
    providers: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    _openai(is_set, providers)
    for name, key in (("openrouter", "OPENROUTER_API_KEY"), ("mistral", "MISTRAL_API_KEY")):
        if key in is_set:
            providers[name] = {"dialect": name, "credential": is_set[key]}
    _azure(is_set, providers, notes)
    _anthropic(is_set, providers)
    _gemini(is_set, providers)
    _cohere(is_set, providers)
    for name, found in (("bedrock", bedrock(is_set, notes)), ("vertex", vertex(is_set, notes))):
        if found is not None:
            providers[name] = found
    if "OLLAMA_BASE_URL" in is_set:
        address = is_set["OLLAMA_BASE_URL"].rstrip("/").removesuffix("/v1")
        providers["ollama"] = {"dialect": "ollama", "base_url": address}
    _custom(is_set, providers, notes)
    if not providers:
        return Found(None, tuple(notes))
    document: dict[str, Any] = {"providers": providers}
    way_out = egress(is_set, notes)
    if way_out is not None:
        document["egress"] = way_out
    return Found(document, tuple(notes))


def _openai(is_set: Mapping[str, str], providers: dict[str, dict[str, Any]]) -> None:
    if "OPENAI_API_KEY" in is_set:
        providers["openai"] = {"dialect": "openai", "credential": is_set["OPENAI_API_KEY"]}
        if "OPENAI_BASE_URL" in is_set:
            providers["openai"]["base_url"] = is_set["OPENAI_BASE_URL"]


def _azure(is_set: Mapping[str, str], providers: dict[str, dict[str, Any]], notes: list[str]) -> None:
    if "AZURE_OPENAI_API_KEY" not in is_set:
        return
    if "AZURE_OPENAI_ENDPOINT" not in is_set:
        notes.append("AZURE_OPENAI_API_KEY is seen, not used: AZURE_OPENAI_ENDPOINT is not set")
        return
    providers["azure"] = {
        "dialect": "azure_openai",
        "base_url": is_set["AZURE_OPENAI_ENDPOINT"],
        "credential": is_set["AZURE_OPENAI_API_KEY"],
    }
    if "AZURE_OPENAI_API_VERSION" in is_set:
        providers["azure"]["api_version"] = is_set["AZURE_OPENAI_API_VERSION"]


def _anthropic(is_set: Mapping[str, str], providers: dict[str, dict[str, Any]]) -> None:
    if "ANTHROPIC_API_KEY" in is_set:
        providers["anthropic"] = {"dialect": "anthropic", "credential": is_set["ANTHROPIC_API_KEY"]}
        if "ANTHROPIC_BASE_URL" in is_set:
            providers["anthropic"]["base_url"] = is_set["ANTHROPIC_BASE_URL"]


def _gemini(is_set: Mapping[str, str], providers: dict[str, dict[str, Any]]) -> None:
    key = is_set.get("GOOGLE_API_KEY") or is_set.get("GEMINI_API_KEY")  # Google's own SDK takes them in this order
    if key:
        providers["gemini"] = {"dialect": "gemini", "credential": key}


def _cohere(is_set: Mapping[str, str], providers: dict[str, dict[str, Any]]) -> None:
    key = is_set.get("CO_API_KEY") or is_set.get("COHERE_API_KEY")
    if key:
        providers["cohere"] = {"dialect": "cohere", "credential": key}


def _custom(is_set: Mapping[str, str], providers: dict[str, dict[str, Any]], notes: list[str]) -> None:
    if "CUSTOM_PROVIDER_BASE_URL" not in is_set:
        if "CUSTOM_PROVIDER_API_KEY" in is_set:
            notes.append("CUSTOM_PROVIDER_API_KEY is seen, not used: CUSTOM_PROVIDER_BASE_URL is not set")
        return
    name = is_set.get("CUSTOM_PROVIDER_NAME", "custom")
    if name in providers:
        notes.append(f"CUSTOM_PROVIDER_NAME is `{name}`, which another key of the environment has made: it is not used")
        return
    providers[name] = {"dialect": "openai", "base_url": is_set["CUSTOM_PROVIDER_BASE_URL"]}
    if "CUSTOM_PROVIDER_API_KEY" in is_set:
        providers[name]["credential"] = is_set["CUSTOM_PROVIDER_API_KEY"]
