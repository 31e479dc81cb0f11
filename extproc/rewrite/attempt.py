"""The headers of one attempt: all of its own, and nobody else's.

Law: what Envoy shows of a request at an attempt holds what the caller sent and what earlier attempts set, their
credentials too. So an attempt sets everything that its provider must see and removes every other present header that
is not in the short list of those a provider may see. It never trusts what is present.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from extproc import names, signing
from extproc.protocol.events import Headers
from extproc.protocol.replies import HeaderEdit
from extproc.snapshot import Provider
from extproc.translation.pair import Headers as Lines
from extproc.translation.pair import TranslatedRequest

# Envoy's id of the request stays: its access log reads it from the very headers that are sent, and without it no
# attempt's record could be told from another's.
_SAFE: Final = frozenset({*names.FORWARDED_HEADERS, names.ENVOY_REQUEST_ID})
# Never a provider's, whoever set them, even if somebody adds them to the list of what is forwarded.
_SECRETS: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key"}
    | {"x-amz-security-token", "x-amz-date", "x-amz-content-sha256"}
    | set(signing.HEADERS)
)
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class OriginalRequest:
    """What the caller sent and an attempt needs, from the private metadata."""

    content_type: str = ""
    credential: str | None = field(default=None, repr=False)
    upgrades: bool = False  # to a WebSocket


def attempt_headers(
    present: Headers,
    request: TranslatedRequest,
    provider: Provider,
    original: OriginalRequest,
    body_length: int | None,
    signature: Lines = (),
) -> HeaderEdit:
    """`body_length` is what this attempt sends, changed or not; None where nobody knows it (it was never read)."""
    wanted = _wanted(request, provider, original) | dict(signature)
    if body_length is not None:
        wanted["content-length"] = str(body_length)
    pseudo = {":method": request.method, ":path": request.path, ":authority": provider.authority}
    removed = [
        name
        for name in dict.fromkeys(name for name, _ in present.pairs)
        if not name.startswith(":") and name not in wanted and not _may_stay(name, body_length, original)
    ]
    return HeaderEdit(set=(*pseudo.items(), *wanted.items()), remove=tuple(removed))


def _wanted(request: TranslatedRequest, provider: Provider, original: OriginalRequest) -> dict[str, str]:
    """In the order of who wins: the caller's kind of content, the dialect, the provider, the credential."""
    wanted = {"accept-encoding": "identity"}  # answers are read here, and pass to callers who said what they take
    if original.content_type:
        wanted["content-type"] = original.content_type
    wanted |= {name.lower(): value for name, value in request.headers}
    wanted |= _configured(provider.headers)
    if provider.credential.kind == "caller" and original.credential is not None:
        wanted[provider.credential.header.lower()] = provider.credential.prefix + original.credential
    return wanted


def _configured(headers: Mapping[str, str]) -> dict[str, str]:
    """What the operator wrote for a provider; the request's line, host and framing are not among what can be."""
    lowered = {name.lower(): value for name, value in headers.items()}
    return {name: value for name, value in lowered.items() if name not in _FRAMING and not name.startswith(":")}


def _may_stay(name: str, body_length: int | None, original: OriginalRequest) -> bool:
    if name in _FRAMING:
        return body_length is None  # a known length and chunks beside it are two truths
    if name == "content-type":
        return bool(original.content_type)
    if name in names.UPGRADE_HEADERS:
        return original.upgrades
    return name in _SAFE and name not in _SECRETS
