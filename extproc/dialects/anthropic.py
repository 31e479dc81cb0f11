"""Anthropic's Messages API as an upstream: its words, its errors, how it counts, why it stops.

Law: version 2023-06-01, which every model speaks. Input is told without what came from or went into the cache, so it is
added here; counts in a stream are running totals, so the last one told is right. A forbidden or unpaid request is
often a plain 400: there the message decides. Google's own errors come too, where Claude is served on Vertex AI.
"""

from collections.abc import Mapping
from typing import Any, Final

from extproc.dialects import tolerant
from extproc.dialects.openai.completion import FinishReason
from extproc.dialects.openai.features import FILE, IMAGE, IMAGE_LINK
from extproc.dialects.provider_side import ProviderSide
from extproc.dialects.tool_ids import WORD
from extproc.dialects.upstream_error import ErrorClass, UpstreamError, class_of_status
from extproc.money import LARGEST, Usage, tier_of

PATH: Final = "/v1/messages"
VERSION: Final = "2023-06-01"
VERTEX_VERSION: Final = "vertex-2023-10-16"
ORIGIN: Final = "anthropic-claude-v1"  # of signed and hidden reasoning: `format` of one of reasoning_details
NAME: Final = WORD
ID: Final = WORD
IMAGE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})
MOST_CACHE_HINTS: Final = 4
LEAST_TOP_P_THINKING: Final = 0.95
LONGEST_USER: Final = 256

# --- why it stopped --------------------------------------------------------------------------------------------------

_STOPS: Final[Mapping[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",  # a server's tool wants to go on: the caller may send the turn back
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "compaction": "length",
    "refusal": "content_filter",
}


def finish_of(stop_reason: object, has_calls: bool) -> FinishReason:
    """An unknown reason is a plain stop, and so is a call that no caller sees."""
    found = _STOPS.get(stop_reason, "stop") if isinstance(stop_reason, str) else "stop"
    return "stop" if found == "tool_calls" and not has_calls else found


# --- usage -----------------------------------------------------------------------------------------------------------


def usage_of(told: object) -> Usage | None:
    fresh, output = tolerant.count(told, "input_tokens"), tolerant.count(told, "output_tokens")
    if fresh is None and output is None:
        return None
    read = tolerant.count(told, "cache_read_input_tokens") or 0
    hour = tolerant.count(told, "cache_creation", "ephemeral_1h_input_tokens") or 0
    minutes = tolerant.count(told, "cache_creation", "ephemeral_5m_input_tokens") or 0
    written = max(tolerant.count(told, "cache_creation_input_tokens") or 0, hour + minutes)
    made = output or 0
    return Usage(
        input=min((fresh or 0) + read + written, LARGEST - 1),
        output=made,
        cached_input=read,
        cache_write=written - hour,
        cache_write_1h=hour,
        reasoning=min(tolerant.count(told, "output_tokens_details", "thinking_tokens") or 0, made),
        tier=tier_of(tolerant.text(told, "service_tier")),
    )


# --- errors ----------------------------------------------------------------------------------------------------------

_TYPES: Final[Mapping[str, ErrorClass]] = {
    "invalid_request_error": "invalid_request",
    "request_too_large": "invalid_request",
    "authentication_error": "auth",
    "permission_error": "auth",
    "billing_error": "billing",
    "not_found_error": "not_found",
    "rate_limit_error": "rate_limit",
    "overloaded_error": "overloaded",
    "timeout_error": "timeout",
    "gateway_timeout_error": "timeout",
    "api_error": "server_error",
    # Google's
    "INVALID_ARGUMENT": "invalid_request",
    "FAILED_PRECONDITION": "invalid_request",
    "UNAUTHENTICATED": "auth",
    "PERMISSION_DENIED": "auth",
    "NOT_FOUND": "not_found",
    "RESOURCE_EXHAUSTED": "rate_limit",
    "UNAVAILABLE": "overloaded",
    "DEADLINE_EXCEEDED": "timeout",
    "INTERNAL": "server_error",
}
_SAID: Final[tuple[tuple[str, ErrorClass], ...]] = (
    ("prompt is too long", "context_length"),
    ("exceed context limit", "context_length"),
    ("exceeds the maximum number of tokens", "context_length"),
    ("content filtering policy", "content_policy"),
    ("credit balance is too low", "billing"),
)


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    told = tolerant.decoded(body)
    if isinstance(told, list) and told:  # Google's streams answer with a list
        told = told[0]
    return error_of(told, status)


def error_of(told: object, status: int = 0) -> UpstreamError:
    """Of a body, or of an event in a stream (status 0)."""
    message = tolerant.text(told, "error", "message") or tolerant.text(told, "message") or tolerant.text(told, "error")
    by_status = class_of_status(status) if status else "server_error"
    kind = _TYPES.get(tolerant.text(told, "error", "type") or tolerant.text(told, "error", "status"), by_status)
    if by_status == "auth" or (kind == "server_error" and status):  # whatever it calls it
        kind = by_status
    if kind == "invalid_request":
        lowered = message.lower()
        kind = next((found for words, found in _SAID if words in lowered), kind)
    return UpstreamError(kind, message, status)


# --- what it can be told ---------------------------------------------------------------------------------------------

SIDE: Final = ProviderSide(
    read_error=read_error,
    expresses=frozenset(
        {
            "max_completion_tokens",
            "parallel_tool_calls",
            "reasoning_effort",
            "response_format",
            "service_tier",
            "stop",
            "temperature",
            "tool_choice",
            "tools",
            "top_k",
            "top_p",
            "user",
        }
    ),
    takes=frozenset({IMAGE, IMAGE_LINK, FILE}),
    # OpenAI's own storage, cache keys and abuse checks: nothing of the answer depends on them.
    unsent=frozenset(
        {"metadata", "prediction", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "store"}
    ),
)


def is_error(told: Mapping[str, Any]) -> bool:
    return told.get("type") == "error" or isinstance(told.get("error"), Mapping)
