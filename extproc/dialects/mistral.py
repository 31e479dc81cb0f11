"""Mistral's API as an upstream: OpenAI's words, but only those that it knows; any other member is a 422.

Law: tolerant. Errors come flat, nested in `message`, or as a list of details; what a detail quotes of the request is
not shown again. Usage counts the cached tokens in one of three places.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from extproc.dialects.endpoints import of_models, of_provider
from extproc.dialects.openai.completion import FinishReason
from extproc.dialects.openai.side import TOO_LONG
from extproc.dialects.openai.usage import usage_of
from extproc.dialects.provider_side import ProviderSide
from extproc.dialects.tolerant import at, count, decoded, items, mapping, text
from extproc.dialects.upstream_error import ErrorClass, UpstreamError, class_of_status
from extproc.money import Usage

ORIGIN: Final = "mistral-v1"  # whose thoughts these are, when they come back
HOTTEST: Final = 1.5

FINISHES: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
}

# Members that mean the same here, or that only Mistral knows: they pass as they are.
PASSED: Final = frozenset(
    {"guardrails", "metadata", "min_tokens", "prediction", "prompt_cache_key", "prompt_mode", "random_seed"}
    | {"repetition_penalty", "safe_prompt", "service_tier"}
)
TIERS: Final = ("auto", "standard_only")
_EXPRESSES: Final = PASSED | {
    "frequency_penalty",
    "logprobs",
    "max_completion_tokens",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
}
# They say who asks, or how long to keep what: the answer is the same without them.
_UNSENT: Final = frozenset({"user", "safety_identifier", "store", "prompt_cache_retention", "cache_control"})


def usage(told: object) -> Usage | None:
    found = usage_of(told)
    if found is None or found.cached_input:
        return found
    cached = count(told, "num_cached_tokens") or count(told, "prompt_token_details", "cached_tokens") or 0
    return replace(found, cached_input=min(cached, found.input))


# --- errors ----------------------------------------------------------------------------------------------------------

_TYPES: Final[Mapping[str, ErrorClass]] = {
    "invalid_model": "not_found",
    "rate_limited": "rate_limit",
    "rate_limit_error": "rate_limit",
    "service_tier_capacity_exceeded": "rate_limit",
    "internal_server_error": "server_error",
    "unavailable": "overloaded",
}
_GUARDED: Final = ("guardrail", "moderation")
_MOST_DETAILS: Final = 5
_NEVER_IN_ANSWERS: Final = frozenset({"detail", "message"})


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    return error_of(status, decoded(body))


def error_of(status: int, told: object) -> UpstreamError:
    """From the body, read. `status` 0: inside an answer that began well."""
    found = mapping(told, "error") or mapping(told)  # the first is OpenAI's form, of gateways in front of it
    message = _message(found)
    kind = _class(status, text(found, "type"), message)
    return UpstreamError(kind, message, status, param=text(found, "param") or None)


def is_error(told: Mapping[str, Any]) -> bool:
    """An error where an answer was expected."""
    return told.get("object") == "error" or bool(told.get("error")) or not _NEVER_IN_ANSWERS.isdisjoint(told)


def _class(status: int, kind: str, message: str) -> ErrorClass:
    said = message.lower()
    if status in (0, 400, 413, 422) and any(words in said for words in TOO_LONG):
        return "context_length"
    if status == 403 and any(word in said for word in _GUARDED):
        return "content_policy"
    found = _TYPES.get(kind)
    return found if found is not None and (found != "not_found" or status in (0, 400, 404)) else class_of_status(status)


def _message(told: Mapping[str, Any]) -> str:
    """`message` is a text, a text of JSON, a list of details or an object that holds one; or `detail` stands alone."""
    for found in (told.get("message"), told.get("detail")):
        said = _said(found)
        if said:
            return said
    return ""


def _said(found: object) -> str:
    if isinstance(found, str):
        inside = decoded(found) if found.startswith(("{", "[")) else None
        return (_said(inside) if inside is not None else "") or found
    details = items(found, "detail") if isinstance(found, Mapping) else found
    if not isinstance(details, list):
        return text(found, "message") or text(found, "detail")
    return "; ".join(_detail(one) for one in details[:_MOST_DETAILS])


def _detail(one: object) -> str:
    place = ".".join(str(part) for part in at(one, "loc") or () if part != "body") if at(one, "loc") else ""
    said = text(one, "msg")
    return f"{place}: {said}" if place else said


# Its files are OpenAI's; its batches are jobs of another form, and its WebSockets speak another protocol.
_ENDPOINTS: Final = of_models() | of_provider("files")
SIDE: Final = ProviderSide(read_error, endpoints=_ENDPOINTS, expresses=_EXPRESSES, unsent=_UNSENT)
