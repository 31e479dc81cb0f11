"""Cohere's /v2/chat as an upstream.

Law: tolerant. Tokens are counted by `usage.tokens`, as floats; `billed_units` are Cohere's invoice and no count of
tokens. Beside the usual statuses there are 498 (the token is invalid) and 499 (somebody on the way gave up).
"""

from collections.abc import Mapping
from typing import Final

from extproc.dialects.openai.completion import FinishReason
from extproc.dialects.openai.features import IMAGE, IMAGE_LINK
from extproc.dialects.openai.side import TOO_LONG
from extproc.dialects.provider_side import ProviderSide
from extproc.dialects.tolerant import count, decoded, mapping, text
from extproc.dialects.upstream_error import ErrorClass, UpstreamError, class_of_status
from extproc.money import Usage

ORIGIN: Final = "cohere-v2"  # whose thoughts these are, when they come back
HOTTEST: Final = 1.0
TOP_P: Final = (0.01, 0.99)
MOST_K: Final = 500
MOST_STOPS: Final = 5

FINISHES: Final[Mapping[str, FinishReason]] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}
FAILURES: Final = frozenset({"ERROR", "TIMEOUT", "ERROR_LIMIT", "USER_CANCEL"})

# Members that only Cohere knows: they pass as they are.
PASSED: Final = frozenset({"citation_options", "priority", "safety_mode", "strict_tools"})
_EXPRESSES: Final = PASSED | {
    "frequency_penalty",
    "logprobs",
    "max_completion_tokens",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
}
# They say who asks, how long to keep what, or how to be faster: the answer is the same without them.
_UNSENT: Final = frozenset(
    {"user", "safety_identifier", "store", "metadata", "prediction", "cache_control"}
    | {"prompt_cache_key", "prompt_cache_retention"}
)


def usage(told: object) -> Usage | None:
    read, made = count(told, "tokens", "input_tokens"), count(told, "tokens", "output_tokens")
    if read is None and made is None:
        return None
    cached = count(told, "cached_tokens") or 0
    return Usage(input=read or 0, output=made or 0, cached_input=min(cached, read or 0))


# --- errors ----------------------------------------------------------------------------------------------------------

_STATUSES: Final[Mapping[int, ErrorClass]] = {498: "auth", 499: "timeout"}
_NO_MODEL: Final = ("model", "not found")


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    told = decoded(body)
    found = mapping(told, "error") or mapping(told)  # the first is OpenAI's form, of gateways in front of it
    message = text(found, "message") or text(told, "error") or text(told, "detail")
    return UpstreamError(_class(status, message.lower()), message, status)


def _class(status: int, said: str) -> ErrorClass:
    if status in (400, 413, 422) and any(words in said for words in TOO_LONG):
        return "context_length"
    if status in (400, 422) and all(word in said for word in _NO_MODEL):
        return "not_found"
    return _STATUSES.get(status) or class_of_status(status)


SIDE: Final = ProviderSide(read_error, expresses=_EXPRESSES, takes=frozenset({IMAGE, IMAGE_LINK}), unsent=_UNSENT)
