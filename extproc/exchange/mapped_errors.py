"""An upstream's error answer → the one that the caller gets, in the caller's dialect.

Law: what is an error of the caller's dialect already, and says nothing that misleads, passes untouched (None). A
provider's no to the gateway's own credential is never shown as a no to the caller's; where the caller's own key was
sent (`credential: caller`) it is one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from extproc import names
from extproc.dialects.endpoints import is_by_provider
from extproc.dialects.inflate import plain
from extproc.dialects.registry import side_of, vocabulary
from extproc.dialects.upstream_error import UpstreamError
from extproc.exchange.attempt import destination, target_of
from extproc.exchange.desk import Desk
from extproc.protocol.events import BodyEvent
from extproc.protocol.replies import HeaderEdit, ImmediateReply
from extproc.refusal import RETRIABLE_STATUSES, Reason, Refusal
from extproc.translation.pair import Destination

LARGEST_READ: Final = 256 * 1024  # bytes of an error's body; a larger one is classed by its status alone
JSON: Final = "application/json"
_PASSES: Final = frozenset({"openai"})  # dialects whose well-formed errors are the caller's own form
_NOBODYS: Final = "openai"  # how an error is read whose provider is not known
_NEVER_AS_SAID: Final = frozenset({"auth", "billing"})


@dataclass(frozen=True, slots=True)
class CallerError:
    """What the caller gets instead."""

    status: int
    body: bytes
    code: str
    retry_after: int | None

    @property
    def edit(self) -> HeaderEdit:
        """For an answer that is still to be sent with the provider's headers."""
        given = [(":status", str(self.status)), ("content-type", JSON), ("content-length", str(len(self.body)))]
        if self.retry_after is not None:
            given.append(("retry-after", str(self.retry_after)))
        return HeaderEdit(set=tuple(given), remove=("content-encoding", "transfer-encoding", "www-authenticate"))

    def immediate(self, kept: Mapping[str, str]) -> ImmediateReply:
        """For an answer that takes the provider's place; `kept` are its headers, of which Retry-After stays."""
        headers = [("content-type", JSON)]
        after = str(self.retry_after) if self.retry_after is not None else kept.get("retry-after")
        if after is not None:
            headers.append(("retry-after", after))
        if self.status >= 500 or self.status in RETRIABLE_STATUSES:
            headers.append((names.SHOULD_RETRY, "false"))  # it leaves past the filter that would say so
        details = f"extproc_upstream_{self.code}"
        return ImmediateReply(status=self.status, headers=tuple(headers), body=self.body, details=details)


def caller_error(
    to: Destination, status: int, headers: Mapping[str, str], body: bytes, endpoint: str = ""
) -> CallerError | None:
    """None: it passes as it is."""
    error = side_of(to.provider.dialect, to.model).read_error(status, headers, body)
    if error.kind == "not_found" and is_by_provider(endpoint):
        error = replace(error, kind="invalid_request")  # what is not there is a file or a batch, and no model
    if error.kind == "auth" and to.provider.credential.kind == "caller":
        return _CALLERS_KEY_REFUSED  # here it is the caller's own key
    if to.provider.dialect in _PASSES and error.kind not in _NEVER_AS_SAID and _is_callers_form(body):
        return None
    return _shown(error)


def mapped(
    decision: Mapping[str, Any],
    attributes: Mapping[str, Any],
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    desk: Desk,
) -> ImmediateReply | None:
    """The same for an exchange of which nothing is left here but what Envoy remembers of its decision."""
    snapshot = desk.shelf.get(str(decision.get(names.M_SNAPSHOT, ""))) or desk.shelf.current
    target = target_of(decision, int(attributes.get(names.ATTR_ATTEMPT, 0)))
    provider = snapshot.providers.get(target.provider) if target is not None else None
    if target is None or provider is None:  # nobody knows any more whose it is: nothing of it passes
        return _shown(side_of(_NOBODYS, "").read_error(status, headers, body)).immediate(headers)
    endpoint = str(decision.get(names.M_ENDPOINT, ""))
    found = caller_error(destination(provider, target.model), status, headers, body, endpoint)
    return None if found is None else found.immediate(headers)


def error_bytes(event: BodyEvent, headers: Mapping[str, str]) -> bytes:
    """What is read of an error's body: nothing where it is too large, or of an encoding that cannot be read."""
    if not event.end_of_stream or len(event.data) > LARGEST_READ:
        return b""
    return plain(event.data, headers.get("content-encoding", ""), LARGEST_READ)


def _shown(error: UpstreamError) -> CallerError:
    return CallerError(
        status=error.shown_status,
        body=vocabulary("openai").upstream_error_body(error),
        code=error.kind,
        retry_after=error.retry_after,
    )


_REFUSED: Final = Refusal(Reason.INVALID_API_KEY, "The provider refuses the key that came with the request.")
_CALLERS_KEY_REFUSED: Final = CallerError(_REFUSED.status, vocabulary("openai").error_body(_REFUSED), "auth", None)


class _Error(msgspec.Struct):
    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None


class _Form(msgspec.Struct):
    error: _Error


_form = msgspec.json.Decoder(_Form)


def _is_callers_form(body: bytes) -> bool:
    try:
        _form.decode(body)
    except (ValueError, RecursionError):
        return False
    return True
