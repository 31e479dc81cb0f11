"""What went wrong at a provider, in words of ours: the classes that failover, breakers and callers know.

Law: a provider's 401 or 403 is never the caller's: the key is ours, so the caller is told 502 and nothing of what the
provider said about it. Every other message passes, shortened. A class decides the status that callers see where the
provider's own would mislead them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

ErrorClass = Literal[
    "invalid_request",
    "context_length",
    "content_policy",
    "not_found",
    "auth",
    "billing",
    "rate_limit",
    "overloaded",
    "server_error",
    "timeout",
]
CLASSES: Final[tuple[ErrorClass, ...]] = get_args(ErrorClass)
LONGEST_MESSAGE: Final = 2000


@dataclass(frozen=True, slots=True)
class Shown:
    """How callers see a class. `status` None: as the provider said it."""

    status: int | None
    type: str
    code: str | None  # None: the provider's own, if it has one


SHOWN: Final[Mapping[ErrorClass, Shown]] = {
    "invalid_request": Shown(None, "invalid_request_error", None),
    "context_length": Shown(400, "invalid_request_error", "context_length_exceeded"),
    "content_policy": Shown(400, "invalid_request_error", "content_policy_violation"),
    "not_found": Shown(404, "invalid_request_error", "model_not_found"),
    "auth": Shown(502, "upstream_error", "upstream_auth"),
    "billing": Shown(502, "upstream_error", "upstream_billing"),
    "rate_limit": Shown(429, "rate_limit_error", "rate_limit_exceeded"),
    "overloaded": Shown(503, "upstream_error", "upstream_overloaded"),
    "server_error": Shown(None, "upstream_error", None),
    "timeout": Shown(504, "upstream_error", "upstream_timeout"),
}
_OF_A_CREDENTIAL: Final = frozenset({401, 402, 403, 407})  # the caller's is not meant, whatever class an error has
_OWN_WORDS: Final[Mapping[ErrorClass, str]] = {
    "auth": "The provider refuses the gateway's credential.",
    "billing": "The provider refuses the gateway's account: it has no credit left.",
}


@dataclass(frozen=True, slots=True)
class UpstreamError:
    """One error of a provider, read. `status` is the provider's; 0 inside a stream."""

    kind: ErrorClass
    message: str
    status: int = 0
    code: str | None = None
    param: str | None = None
    retry_after: int | None = None  # seconds, rounded up; None: the answer's own header says it, or nobody does

    @property
    def shown_status(self) -> int:
        status = SHOWN[self.kind].status or self.status or 502
        return status if 400 <= status <= 599 and status not in _OF_A_CREDENTIAL else 502

    @property
    def shown_message(self) -> str:
        return _OWN_WORDS.get(self.kind) or self.message[:LONGEST_MESSAGE] or "The provider gave no reason."

    @property
    def shown_type(self) -> str:
        return SHOWN[self.kind].type

    @property
    def shown_code(self) -> str | None:
        return SHOWN[self.kind].code or self.code


def class_of_status(status: int) -> ErrorClass:
    """What a status alone says; dialects look at the body first."""
    match status:
        case 401 | 403 | 407:
            return "auth"
        case 402:
            return "billing"
        case 404:
            return "not_found"
        case 408 | 504:
            return "timeout"
        case 429:
            return "rate_limit"
        case 503 | 529:
            return "overloaded"
        case _:
            return "server_error" if status >= 500 else "invalid_request"
