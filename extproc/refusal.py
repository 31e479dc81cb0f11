"""Refusals: a policy's no, as a value with status, public text and metric label. Never an exception.

Law: every reason stands in this table once, with the status and the error type that callers see and the sentence that
`docs/reference.md` prints. The message is public: it may hold names of the configuration and what the caller sent as
a name, never a secret, never a prompt.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    status: int
    type: str  # the error type of the OpenAI dialect; other dialects map it
    doc: str


class Reason(Enum):
    """Why an exchange was refused. The name in lower case is the metric label and the error's `code`."""

    INVALID_JSON = Kind(400, "invalid_request_error", "The body is not a JSON object.")
    INVALID_REQUEST = Kind(400, "invalid_request_error", "A field has a value of the wrong kind.")
    UNKNOWN_STRATEGY = Kind(400, "invalid_request_error", "No strategy, and no kind of strategy, has this name.")
    UNKNOWN_PROVIDER = Kind(404, "invalid_request_error", "No provider of the configuration has this name.")
    CONTEXT_LENGTH = Kind(
        400,
        "invalid_request_error",
        "The prompt and the caller's cap fit no candidate's context, or none is as large as `requirements` asks.",
    )
    INVALID_API_KEY = Kind(
        401,
        "authentication_error",
        "`callers` is set and the request carries none of its keys, and shows none of its certificates; or "
        "the provider refuses the caller's own key.",
    )
    CALLER_CREDENTIAL_MISSING = Kind(
        401, "authentication_error", "The target takes the caller's own key (`credential: caller`) and none was sent."
    )
    CALLER_NOT_LOCAL = Kind(
        403, "permission_error", "No `callers` are configured and the request is not from loopback."
    )
    MODEL_NOT_ALLOWED = Kind(403, "permission_error", "This caller may not use the model or the provider.")
    MODEL_NOT_FOUND = Kind(404, "invalid_request_error", "Nothing serves a model of this name.")
    UNKNOWN_ENDPOINT = Kind(
        404,
        "invalid_request_error",
        "The path is no endpoint of the gateway, or one that goes to a named provider: none is, or one without it.",
    )
    ROUTE_NOT_FOUND = Kind(404, "invalid_request_error", "No route of the configuration matches the request.")
    METHOD_NOT_ALLOWED = Kind(405, "invalid_request_error", "The endpoint exists, with another method.")
    REQUEST_TIMEOUT = Kind(
        408, "invalid_request_error", "The request did not arrive within `headers_timeout` or `request_timeout`."
    )
    REQUEST_TOO_LARGE = Kind(413, "invalid_request_error", "The body is larger than `limits.body`.")
    HEADERS_TOO_LARGE = Kind(
        431, "invalid_request_error", "The headers are larger or more than `limits.headers` and `limits.header_count`."
    )
    TOO_MANY_REQUESTS = Kind(
        429, "rate_limit_error", "This address asks more often than `listen.limits.per_address` lets it."
    )
    UNSUPPORTED_PARAMETER = Kind(
        400, "invalid_request_error", "No candidate can be told what the request asks for, and the route says `reject`."
    )
    UPSTREAM_GARBLED = Kind(
        502, "upstream_error", "The provider's answer is none, ends in the middle, or is larger than is read."
    )
    UPSTREAM_ERROR = Kind(502, "upstream_error", "The provider reported an error inside its stream.")
    UPSTREAM_FAILED = Kind(502, "upstream_error", "The provider broke off before it answered.")
    SIGNING_SECRET_MISSING = Kind(
        502, "upstream_error", "The target takes signed requests only, and the secret for it is not there."
    )
    NO_TARGET_AVAILABLE = Kind(
        503,
        "upstream_error",
        "No target is left: shut by its breaker, unhealthy, not chosen by the strategy, or not to be reached.",
    )
    OVERLOADED = Kind(503, "server_error", "Envoy's memory is almost full; try again.")
    PROCESSOR_UNAVAILABLE = Kind(503, "server_error", "The processor did not answer Envoy.")
    SNAPSHOT_LOST = Kind(
        503,
        "server_error",
        "Envoy and the processor work with configurations that do not go together for this request; try again.",
    )
    UPSTREAM_TIMEOUT = Kind(504, "upstream_error", "No provider sent its first byte within `first_byte_timeout`.")
    INTERNAL_ERROR = Kind(500, "server_error", "A bug of ours. The log has the details under the request's id.")

    @property
    def code(self) -> str:
        return self.name.lower()

    @property
    def status(self) -> int:
        return self.value.status

    @property
    def type(self) -> str:
        return self.value.type


RETRIABLE_STATUSES: Final = frozenset({408, 409, 425, 429})  # beside every 5xx


@dataclass(frozen=True, slots=True)
class Refusal:
    reason: Reason
    message: str
    param: str | None = None
    retry_after: int | None = None  # seconds, rounded up
    allow: tuple[str, ...] = ()  # the methods that the path takes

    @property
    def status(self) -> int:
        return self.reason.status
