"""OpenAI and the APIs of its shape, as upstreams: their errors differ more than anything else of them.

Law: tolerant. A body that is no error of a known form still has a class, from its status, and a message.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from extproc.dialects.endpoints import families_by_provider, of_models, of_provider
from extproc.dialects.provider_side import ProviderSide
from extproc.dialects.upstream_error import ErrorClass, UpstreamError, class_of_status

_CODES: Final[Mapping[str, ErrorClass]] = {
    "context_length_exceeded": "context_length",
    "exceed_context_size_error": "context_length",  # llama.cpp
    "content_filter": "content_policy",  # Azure
    "content_policy_violation": "content_policy",
    "ResponsibleAIPolicyViolation": "content_policy",
    "invalid_prompt": "content_policy",
    "moderation_blocked": "content_policy",
    "insufficient_quota": "billing",
    "billing_hard_limit_reached": "billing",
    "rate_limit_exceeded": "rate_limit",
    "model_not_found": "not_found",
    "DeploymentNotFound": "not_found",
    "invalid_api_key": "auth",
}
TOO_LONG: Final = ("context length", "context window", "maximum context", "too many tokens", "prompt is too long")


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    told = _decoded(body)
    error = told.get("error", told.get("detail"))
    if isinstance(error, str):  # Ollama; FastAPI's servers
        return _made(status, error, None, None, None)
    if isinstance(error, list):  # Mistral and FastAPI: what is wrong with which field
        return _made(status, "; ".join(_detail(one) for one in error[:5]), None, None, None)
    if not isinstance(error, Mapping):
        error = told  # Mistral: the error stands at the top
    return _openrouters(status, error) or _made(
        status, _text(error, "message") or "", _code(error), _text(error, "param"), _text(error, "type")
    )


def _made(status: int, message: str, code: str | None, param: str | None, kind: str | None) -> UpstreamError:
    found = _CODES.get(code or "") or _CODES.get(kind or "")
    if found is None and status in (400, 413, 422) and any(words in message.lower() for words in TOO_LONG):
        found = "context_length"  # vLLM and most others say it only in words
    if found is None or (found == "billing" and status not in (402, 403, 429)):
        found = class_of_status(status)
    return UpstreamError(found, message, status, code, param)


def _openrouters(status: int, error: Mapping[str, Any]) -> UpstreamError | None:
    """OpenRouter hands on what its provider said in `metadata.raw`; 403 there is its moderation."""
    metadata = error.get("metadata")
    if not isinstance(metadata, Mapping):
        return None
    message, raw = _text(error, "message") or "", _text(metadata, "raw")
    if status == 403 and "reasons" in metadata:
        return UpstreamError("content_policy", message, status)
    inner = _decoded(raw.encode()) if raw else {}
    if inner:
        inside = read_error(status, {}, msgspec.json.encode(inner))
        return UpstreamError(inside.kind, inside.message or message, status, inside.code, inside.param)
    return _made(status, raw or message, None, None, None)


def _decoded(body: bytes) -> Mapping[str, Any]:
    try:
        told = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(told, list) and told:  # some send a list with one error
        told = told[0]
    return told if isinstance(told, Mapping) else {}


def _detail(one: object) -> str:
    if not isinstance(one, Mapping):
        return str(one)[:200]
    place = ".".join(str(part) for part in one.get("loc") or [] if part != "body")
    said = str(one.get("msg", ""))
    return f"{place}: {said}" if place else said


def _code(error: Mapping[str, Any]) -> str | None:
    """A number (llama.cpp, OpenRouter, Mistral) is a status or nobody's word: no code for callers."""
    inner = error.get("innererror")
    if isinstance(inner, Mapping) and _text(inner, "code") in _CODES:  # Azure: why a filter stepped in
        return _text(inner, "code")
    code = _text(error, "code")
    return None if code is None or code.isdigit() else code


def _text(holder: Mapping[str, Any], key: str) -> str | None:
    value = holder.get(key)
    return value if isinstance(value, str) and value else None


SIDE: Final = ProviderSide(read_error, of_models() | of_provider(*families_by_provider()))
# Of OpenAI's shape in what models are asked, and without its files, batches and WebSockets.
MODELS_ONLY: Final = ProviderSide(read_error, of_models())
SIDES: Final[Mapping[str, ProviderSide]] = {"openai": SIDE, "azure_openai": SIDE, "openrouter": MODELS_ONLY}
