"""A refusal as the answer that its caller can read.

Law: the body is an error in the caller's dialect, with the refusal's public message and nothing else. SDKs try some
statuses again by themselves; where they would, the answer tells them not to, because the plan has been walked here.
"""

from collections.abc import Mapping
from typing import Final

from extproc import names
from extproc.dialects.registry import vocabulary
from extproc.protocol.events import Value
from extproc.protocol.replies import ImmediateReply, Metadata
from extproc.refusal import Refusal

JSON: Final = "application/json"
DETAILS_PREFIX: Final = "extproc_"
_NO_METADATA: Final[Mapping[str, Mapping[str, Value]]] = {}
# What the official SDKs send again: timeouts, conflicts, rate limits and every error of the server.
_SDKS_RETRY: Final = frozenset({408, 409, 429})


def immediate(refusal: Refusal, dialect: str, request_id: str, metadata: Metadata = _NO_METADATA) -> ImmediateReply:
    """The decision's namespace is given the id and the refusal's code beside what the caller of this put there."""
    code = refusal.reason.code
    headers = [("content-type", JSON), (names.REQUEST_ID, request_id)]
    if refusal.retry_after is not None:
        headers.append(("retry-after", str(max(refusal.retry_after, 1))))
    if refusal.allow:
        headers.append(("allow", ", ".join(refusal.allow)))
    if refusal.status in _SDKS_RETRY or refusal.status >= 500:
        headers.append((names.SHOULD_RETRY, "false"))
    decision = {**metadata.get(names.META, {}), names.M_ID: request_id, names.M_REFUSAL: code}
    return ImmediateReply(
        status=refusal.status,
        headers=tuple(headers),
        body=vocabulary(dialect).error_body(refusal),
        details=DETAILS_PREFIX + code,
        metadata={**metadata, names.META: decision},
    )
