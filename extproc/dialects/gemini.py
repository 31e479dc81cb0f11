"""Google's generateContent, as AI Studio and Vertex AI speak it: the API as an upstream.

Law: a class of errors comes from what google.rpc calls it, not from the status alone: a bad key is a 400 there. An
answer that calls tools ends with STOP like any other; thoughts are counted apart from what was said, and both are
output. Hints of what to cache are no loss: beginnings that recur are cached without them.
"""

import re
from collections.abc import Mapping
from math import ceil
from typing import Any, Final

from extproc.dialects.openai.completion import FinishReason
from extproc.dialects.openai.features import CONTENTS
from extproc.dialects.provider_side import ProviderSide
from extproc.dialects.tolerant import at, count, decoded, items, mapping, number, text
from extproc.dialects.upstream_error import ErrorClass, UpstreamError, class_of_status
from extproc.money import Tier, Usage, tier_of

ORIGIN: Final = "google-gemini-v1"  # whose signatures they are, as other gateways write it too
MOST_STOPS: Final = 5
MOST_CHOICES: Final = 8
MOST_TOP_LOGPROBS: Final = 20

# --- errors ----------------------------------------------------------------------------------------------------------

_STATUSES: Final[Mapping[str, ErrorClass]] = {
    "INVALID_ARGUMENT": "invalid_request",
    "FAILED_PRECONDITION": "invalid_request",
    "OUT_OF_RANGE": "invalid_request",
    "UNAUTHENTICATED": "auth",
    "PERMISSION_DENIED": "auth",
    "NOT_FOUND": "not_found",
    "RESOURCE_EXHAUSTED": "rate_limit",
    "UNAVAILABLE": "overloaded",
    "DEADLINE_EXCEEDED": "timeout",
    "CANCELLED": "server_error",
    "ABORTED": "server_error",
    "INTERNAL": "server_error",
    "UNKNOWN": "server_error",
    "DATA_LOSS": "server_error",
}
_REASONS_OF_AUTH: Final = ("API_KEY_", "ACCESS_TOKEN_", "CREDENTIALS_", "SERVICE_DISABLED", "ACCOUNT_STATE_INVALID")
_OF_AUTH: Final = ("api key not valid", "api key expired", "api key not found")
_OF_BILLING: Final = ("enable billing", "billing to be enabled", "credits are depleted", "billing account")
_OF_LENGTH: Final = ("maximum number of tokens", "input token count", "input context is too long")
_OF_POLICY: Final = (
    "responsible ai",
    "safety filter",
    "usage guidelines",
    "prohibited content",
    "prohibited use",
    "was blocked",
    "blocked due to",
    "sensitive words",
)
_SECONDS: Final = re.compile(r"(\d{1,6}(?:\.\d+)?)s")


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    told = decoded(body)
    if isinstance(told, list) and told:  # a stream that is a JSON array wraps its error too
        told = told[0]
    return error_of(at(told, "error"), status)


def error_of(error: object, status: int = 0) -> UpstreamError:
    """Of the error object itself; `status` 0: inside an answer, where the object's own number stands for it."""
    if isinstance(error, str):
        return UpstreamError(class_of_status(status), error, status)
    code = count(error, "code") or 0
    details = items(error, "details")
    return UpstreamError(
        kind=_class(status or code, error, details),
        message=text(error, "message"),
        status=status,
        code=text(error, "status") or None,
        param=_field(details),
        retry_after=_retry_after(details),
    )


def _class(status: int, error: object, details: list[Any]) -> ErrorClass:
    reasons = [text(detail, "reason") for detail in details]
    message = text(error, "message").lower()
    if any(reason.startswith(_REASONS_OF_AUTH) for reason in reasons) or _says(message, _OF_AUTH):
        return "auth"
    if "BILLING_DISABLED" in reasons or _says(message, _OF_BILLING):
        return "billing"
    known = _STATUSES.get(text(error, "status")) or class_of_status(status)
    if known != "invalid_request":
        return known
    if _says(message, _OF_LENGTH):
        return "context_length"
    return "content_policy" if _says(message, _OF_POLICY) else known


def _says(message: str, words: tuple[str, ...]) -> bool:
    return any(one in message for one in words)


def _field(details: list[Any]) -> str | None:
    """Which field of the request is wrong."""
    violations = [violation for detail in details for violation in items(detail, "fieldViolations")]
    return next((field for violation in violations if (field := text(violation, "field"))), None)


def _retry_after(details: list[Any]) -> int | None:
    for detail in details:
        told = at(detail, "retryDelay")
        match = _SECONDS.fullmatch(told) if isinstance(told, str) else None
        seconds = float(match[1]) if match is not None else number(told, "seconds")
        if seconds is not None and seconds >= 0:
            return ceil(seconds)
    return None


# --- how an answer ended ---------------------------------------------------------------------------------------------

_FINISHES: Final[Mapping[str, FinishReason]] = {
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "IMAGE_OTHER": "content_filter",
}
_BROKEN: Final = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
        "NO_IMAGE",
        "OTHER",
    }
)


def finish_of(reason: str) -> FinishReason:
    return _FINISHES.get(reason, "stop")


def broken(reason: str) -> str | None:
    """What is told of an answer that ended as none should; None where it ended well."""
    return f"The model broke off its answer: {reason}." if reason in _BROKEN else None


# --- usage -----------------------------------------------------------------------------------------------------------


def usage_of(told: object) -> Usage | None:
    """`usageMetadata`. In a stream each is the sum of all before it."""
    prompt = count(told, "promptTokenCount")
    said = count(told, "candidatesTokenCount")
    thought = count(told, "thoughtsTokenCount")
    if prompt is None and said is None and thought is None:
        return None
    whole = (prompt or 0) + (count(told, "toolUsePromptTokenCount") or 0)
    made = (said or 0) + (thought or 0)
    read = (*items(told, "promptTokensDetails"), *items(told, "toolUsePromptTokensDetails"))
    written = items(told, "candidatesTokensDetails")
    cached = min(count(told, "cachedContentTokenCount") or 0, whole)
    audio = min(_of_kind(read, "AUDIO"), whole)
    audio_made = min(_of_kind(written, "AUDIO"), made)
    return Usage(
        input=whole,
        output=made,
        cached_input=cached,
        reasoning=thought or 0,
        audio_input=audio,
        cached_audio=min(_of_kind(items(told, "cacheTokensDetails"), "AUDIO"), cached, audio),
        image_input=min(_of_kind(read, "IMAGE"), whole - audio),
        audio_output=audio_made,
        image_output=min(_of_kind(written, "IMAGE"), made - audio_made),
        tier=_tier(mapping(told)),
    )


def _of_kind(details: list[Any] | tuple[Any, ...], modality: str) -> int:
    return sum(count(detail, "tokenCount") or 0 for detail in details if text(detail, "modality") == modality)


def _tier(told: Mapping[str, Any]) -> Tier:
    """AI Studio says `serviceTier: flex`, Vertex AI `trafficType: ON_DEMAND_FLEX`."""
    said = text(told, "serviceTier") or text(told, "trafficType").removeprefix("ON_DEMAND_")
    return tier_of(said.lower())


# --- what it can be asked --------------------------------------------------------------------------------------------

EXTRAS: Final = frozenset({"cached_content", "extra_body", "safety_settings"})  # as Google's own gateway spells them
SIDE: Final = ProviderSide(
    read_error,
    expresses=EXTRAS
    | {
        "audio",
        "frequency_penalty",
        "logprobs",
        "max_completion_tokens",
        "modalities",
        "n",
        "presence_penalty",
        "reasoning_effort",
        "response_format",
        "seed",
        "service_tier",
        "stop",
        "temperature",
        "tool_choice",
        "tools",
        "top_k",
        "top_logprobs",
        "top_p",
        "user",
    },
    takes=CONTENTS,
    # Where OpenAI keeps answers, how it caches and whom it suspects: nothing of the answer hangs on it.
    unsent=frozenset(
        {"metadata", "prediction", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "store"}
    ),
)
