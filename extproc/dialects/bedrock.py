"""AWS Bedrock's Converse as an upstream: its errors, its usage, its reasons to stop.

Law: an error's kind stands in a header and its words in the body; in a stream both stand in a frame. The same kinds
are written `ThrottlingException` and `throttlingException`. Validation errors differ by their words alone. Counts of
input leave out what the cache gave and took; ours are whole.
"""

from collections.abc import Mapping
from typing import Any, Final

from extproc.dialects.aws_event_stream import Frame
from extproc.dialects.openai.completion import FinishReason
from extproc.dialects.openai.features import AUDIO, FILE, IMAGE
from extproc.dialects.provider_side import ProviderSide
from extproc.dialects.tolerant import count, decoded, items, mapping, text
from extproc.dialects.upstream_error import ErrorClass, UpstreamError, class_of_status
from extproc.money import Usage, tier_of

# --- errors ----------------------------------------------------------------------------------------------------------

KIND: Final = "x-amzn-errortype"
_VALIDATION: Final = "validationexception"
_KINDS: Final[Mapping[str, ErrorClass]] = {
    "accessdeniedexception": "auth",
    "expiredtokenexception": "auth",
    "incompletesignatureexception": "auth",
    "invalidclienttokenidexception": "auth",
    "invalidsignatureexception": "auth",
    "missingauthenticationtokenexception": "auth",
    "unrecognizedclientexception": "auth",
    "internalserverexception": "server_error",
    "modelerrorexception": "server_error",
    "modelstreamerrorexception": "server_error",
    "modelnotreadyexception": "overloaded",
    "serviceunavailableexception": "overloaded",
    "modeltimeoutexception": "timeout",
    "resourcenotfoundexception": "not_found",
    "servicequotaexceededexception": "rate_limit",
    "throttlingexception": "rate_limit",
    "toomanyrequestsexception": "rate_limit",
}
# Of a validation error, in lower case; the first list that has a part of the message counts.
_WORDS: Final[tuple[tuple[ErrorClass, tuple[str, ...]], ...]] = (
    (
        "context_length",
        (
            "input is too long",
            "prompt is too long",
            "too many input tokens",
            "input tokens exceeded",
            "context length",
            "context limit",
            "context window",
            "maximum number of tokens",
            "too many tokens",
        ),
    ),
    ("content_policy", ("content filter", "content policy", "responsible ai policy", "blocked by guardrail")),
    (
        "not_found",
        (
            "model identifier is invalid",
            "model id is invalid",
            "on-demand throughput",
            "end of its life",
            "model arn provided is invalid",
        ),
    ),
)


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    told = decoded(body)
    kind = _bare(headers.get(KIND, "")) or _bare(text(told, "__type"))
    return _made(kind, text(told, "message") or text(told, "Message"), status)


def error_in(frame: Frame) -> UpstreamError | None:
    """What went wrong, if this frame of a stream says that something did."""
    match frame.text(":message-type"):
        case "exception":
            told = decoded(frame.payload)
            said = text(told, "originalMessage") or text(told, "message") or text(told, "Message")
            return _made(_bare(frame.text(":exception-type")), said, 0)
        case "error":
            return _made(_bare(frame.text(":error-code")), frame.text(":error-message"), 0)
    return None


def _made(kind: str, message: str, status: int) -> UpstreamError:
    known = _KINDS.get(kind.lower())
    if known is None and (kind.lower() == _VALIDATION or status in (400, 413, 422)):
        known = next((found for found, parts in _WORDS if any(part in message.lower() for part in parts)), None)
        known = known or "invalid_request"
    found = known or (class_of_status(status) if status else "server_error")
    if found == "server_error" and status < 500:  # 424, a model's own error, is not the caller's
        status = 502
    return UpstreamError(found, message, status, kind or None)


def _bare(kind: str) -> str:
    """`com.amazon.coral#ValidationException:http://…` → `ValidationException`"""
    return kind.partition(":")[0].rpartition("#")[2].strip()


# --- usage and ends --------------------------------------------------------------------------------------------------

# None: the model's own output was broken; nothing was answered.
FINISHES: Final[Mapping[str, FinishReason | None]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": None,
    "malformed_tool_use": None,
}


def usage_of(answer: Mapping[str, Any]) -> Usage | None:
    """From a whole answer or the event `metadata`. None where nothing was counted."""
    told = mapping(answer, "usage")
    fresh, output = count(told, "inputTokens"), count(told, "outputTokens")
    if fresh is None and output is None:
        return None
    cached = count(told, "cacheReadInputTokens") or count(told, "cacheReadInputTokenCount") or 0
    written = count(told, "cacheWriteInputTokens") or count(told, "cacheWriteInputTokenCount") or 0
    by_ttl = items(told, "cacheDetails")
    hour = min(sum(count(one, "inputTokens") or 0 for one in by_ttl if text(one, "ttl") == "1h"), written)
    return Usage(
        input=(fresh or 0) + cached + written,
        output=output or 0,
        cached_input=cached,
        cache_write=written - hour,
        cache_write_1h=hour,
        tier=tier_of(text(answer, "serviceTier", "type")),
    )


# --- what it can be told ---------------------------------------------------------------------------------------------

# Members of Converse itself that a caller may send under their own names; what they hold is AWS's to judge.
PASSED: Final = frozenset({"guardrailConfig", "performanceConfig"})

SIDE: Final = ProviderSide(
    read_error,
    expresses=PASSED
    | {
        "max_completion_tokens",
        "metadata",
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
    },
    takes=frozenset({IMAGE, FILE, AUDIO}),
    unsent=frozenset({"prompt_cache_key", "prompt_cache_retention", "safety_identifier", "store"}),
)
