"""Ollama's own /api/chat as an upstream; what else it is asked goes to its OpenAI-shaped endpoints.

Law: tolerant. A caller may set what concerns his answer alone; what makes a server load a model anew for everybody
(devices, threads, batches) is its operator's business. Tokens of a prompt that was cached whole are not told.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from extproc.dialects.openai.completion import FinishReason
from extproc.dialects.openai.features import IMAGE
from extproc.dialects.openai.side import MODELS_ONLY, TOO_LONG
from extproc.dialects.provider_side import ProviderSide
from extproc.dialects.tolerant import count, decoded, mapping, text
from extproc.dialects.upstream_error import ErrorClass, UpstreamError, class_of_status
from extproc.money import Usage

ORIGIN: Final = "ollama-v1"  # whose thoughts these are, when they come back

FINISHES: Final[Mapping[str, FinishReason]] = {"stop": "stop", "length": "length"}

_EXPRESSES: Final = frozenset(
    {"format", "frequency_penalty", "keep_alive", "logprobs", "max_completion_tokens", "options", "presence_penalty"}
    | {"reasoning_effort", "response_format", "seed", "stop", "temperature", "tools", "top_k", "top_logprobs", "top_p"}
)
# They say who asks, who pays, how long to keep what, or how to be faster: the answer is the same without them.
_UNSENT: Final = frozenset(
    {"user", "safety_identifier", "store", "metadata", "prediction", "cache_control", "service_tier"}
    | {"prompt_cache_key", "prompt_cache_retention"}
)


def usage(told: object) -> Usage | None:
    read, made = count(told, "prompt_eval_count"), count(told, "eval_count")
    if read is None and made is None:
        return None
    # A prompt that was cached as a whole is not counted: somebody else has to.
    return Usage(input=read or 0, output=made or 0, estimated=read is None)


# --- what only Ollama knows ------------------------------------------------------------------------------------------

LARGEST_CONTEXT: Final = 1 << 20
LONGEST_ALIVE: Final = 24 * 3600  # seconds
_OPTIONS: Final = frozenset(
    {"temperature", "top_k", "top_p", "min_p", "typical_p", "seed", "stop", "num_predict", "num_ctx", "num_keep"}
    | {"repeat_last_n", "repeat_penalty", "presence_penalty", "frequency_penalty", "penalize_newline"}
    | {"mirostat", "mirostat_eta", "mirostat_tau"}
)
_DURATION: Final = re.compile(r"(\d{1,6})(ms|s|m|h)")
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def options(told: object) -> tuple[dict[str, Any], set[str]]:
    """Those that a caller may set; the names of the others."""
    given = mapping(told)
    kept = {key: value for key, value in given.items() if key in _OPTIONS and value is not None}
    lost = {f"options.{key[:40]}" for key in given if key not in _OPTIONS and key.isprintable()}
    context = kept.get("num_ctx")
    if context is not None and not 0 < (count(context) or 0) <= LARGEST_CONTEXT:
        del kept["num_ctx"]
        lost.add("options.num_ctx")
    return kept, lost


def is_keep_alive(told: object) -> bool:
    """For how long the model stays loaded: not for ever, since others want the memory too."""
    if isinstance(told, str):
        found = _DURATION.fullmatch(told)
        return found is not None and int(found[1]) * _SECONDS[found[2]] <= LONGEST_ALIVE
    seconds = count(told)
    return seconds is not None and seconds <= LONGEST_ALIVE


# --- errors ----------------------------------------------------------------------------------------------------------


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    return error_of(status, decoded(body))


def error_of(status: int, told: object) -> UpstreamError:
    """`error` is a text; at the endpoints of OpenAI's shape an object. `status` 0: inside a stream."""
    message = text(told, "error") or text(told, "error", "message")
    param = text(told, "error", "param") or None
    return UpstreamError(_class(status, message.lower()), message, status, text(told, "error", "code") or None, param)


def _class(status: int, said: str) -> ErrorClass:
    if status in (0, 400, 413, 500) and any(words in said for words in (*TOO_LONG, "context size")):
        return "context_length"
    return class_of_status(status)


SIDE: Final = ProviderSide(
    read_error,
    endpoints=MODELS_ONLY.endpoints,
    expresses=_EXPRESSES,
    takes=frozenset({IMAGE}),
    unsent=_UNSENT,
)
