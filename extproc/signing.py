"""Signatures over requests: how they are made, and how whoever receives them knows that they hold.

Law: pure and total. What is signed is what is sent: the final method, path, query and body of one attempt. `sign` never
makes a signature that `verify` does not take, `verify` answers garbage with a reason and never raises, and no secret
stands in a reason. Scheme v1 is other people's and stays as it is; v2 is ours, and no two requests share its string.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

Scheme = Literal["v1", "v2"]
Headers = Mapping[str, str] | Iterable[tuple[str, str]]

SCHEMES: Final[tuple[Scheme, ...]] = ("v1", "v2")
WINDOW: Final = 300  # seconds that a signature may be old, or come from a clock that is ahead
TIMESTAMP: Final = "x-timestamp"
SIGNATURE: Final = "x-signature"
AUTH_TYPE: Final = "x-auth-type"
NONCE: Final = "x-nonce"
HEADERS: Final = (TIMESTAMP, SIGNATURE, AUTH_TYPE, NONCE)
TYPES: Final[Mapping[Scheme, str]] = {"v1": "hmac-sha256", "v2": "hmac-sha256-v2"}
_SCHEME_OF: Final[Mapping[str, Scheme]] = {written: scheme for scheme, written in TYPES.items()}
_LONGEST_TIMESTAMP: Final = 15  # digits
_LONGEST_NONCE: Final = 128
_NONCE_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class Invalid(Enum):
    """Why a signature does not hold, and what to look at. The name in lower case is what programs compare."""

    HEADER_MISSING = "a header of the signature is missing: X-Timestamp, X-Signature, X-Auth-Type, for v2 X-Nonce too"
    HEADER_TWICE = "a header of the signature is there twice: something on the way adds its own"
    AUTH_TYPE_UNKNOWN = "X-Auth-Type names no scheme that is taken here"
    TIMESTAMP_MALFORMED = "X-Timestamp is no decimal number of Unix seconds"
    NONCE_MALFORMED = "X-Nonce is not 1 to 128 letters, digits, `-` or `_`"
    REQUEST_MALFORMED = "the method, path or query holds what no request can"
    TIMESTAMP_OFF = "the signature is too old, or its clock is ahead: compare the clocks of both sides"
    SIGNATURE_DIFFERS = "another secret, or the method, path, query or body is not what was signed"
    NONCE_SEEN = "this request has been here before, or the memory of nonces is full"

    @property
    def code(self) -> str:
        return self.name.lower()


def sign(
    secret: bytes, scheme: Scheme, method: str, path: str, query: str, body: bytes, now: float, nonce: str
) -> tuple[tuple[str, str], ...]:
    """The headers to send along. `path` is as it is sent, escapes and all; `nonce` is new each time (v1 has none).

    Raises ValueError where nothing that can be sent is signed, or nothing signs it: an empty secret.
    """
    if not secret:
        raise ValueError("an empty secret signs nothing")
    if scheme == "v2" and not _is_nonce(nonce):
        raise ValueError(Invalid.NONCE_MALFORMED.value)
    timestamp = str(int(now))
    signature = _signature(secret, canonical(scheme, timestamp, nonce, method, path, query, body))
    made = ((TIMESTAMP, timestamp), (SIGNATURE, signature), (AUTH_TYPE, TYPES[scheme]))
    return (*made, (NONCE, nonce)) if scheme == "v2" else made


def verify(
    secret: bytes | Sequence[bytes],
    headers: Headers,
    method: str,
    path: str,
    query: str,
    body: bytes,
    now: float,
    seen_nonce: Callable[[str], bool] | None = None,
    window: float = WINDOW,
    schemes: Sequence[Scheme] = SCHEMES,
) -> Invalid | None:
    """None where the signature holds. Several secrets: any of them may have signed, as while one is being changed.

    `seen_nonce` is asked last, about what is truly signed (see Nonces): True for what was here before.
    """
    read = _read(headers, schemes)
    if isinstance(read, Invalid):
        return read
    scheme, timestamp, nonce, signature = read
    if abs(int(now) - int(timestamp)) > window:
        return Invalid.TIMESTAMP_OFF
    try:
        signed = canonical(scheme, timestamp, nonce, method, path, query, body)
    except ValueError:
        return Invalid.REQUEST_MALFORMED
    if not _signed_by_one(secret, signed, signature):
        return Invalid.SIGNATURE_DIFFERS
    if scheme == "v2" and seen_nonce is not None and seen_nonce(nonce):
        return Invalid.NONCE_SEEN
    return None


def canonical(scheme: Scheme, timestamp: str, nonce: str, method: str, path: str, query: str, body: bytes) -> bytes:
    """What is signed. Raises ValueError for what no request can hold.

    v2 is seven lines, of which only the last has no line break behind it. v1 can never be taken for it: that begins
    with a digit.
    """
    if scheme == "v1":
        return timestamp.encode() + _raw(method) + unquote_to_bytes(_raw(path)) + body
    digest = hashlib.sha256(body).hexdigest()
    lines = (TYPES["v2"], timestamp, nonce, method, path, query, digest)
    raw = [_raw(line) for line in lines]
    if any(b"\n" in line for line in raw):
        raise ValueError("a line break")
    return b"\n".join(raw)


class Nonces:
    """A bounded memory of what has been here: `seen` is what `verify` asks.

    It remembers as long as a signature can hold, which is twice the window: clocks may be ahead. A full one takes
    nothing new, since to forget early is to let somebody in twice: let it hold more than come in that time.
    """

    def __init__(self, now: Callable[[], float], window: float = WINDOW, most: int = 200_000) -> None:
        self._now = now
        self._keep = 2 * window
        self._most = most
        self._until: dict[str, float] = {}  # in the order in which they came, so the oldest are first

    def __len__(self) -> int:
        return len(self._until)

    def seen(self, nonce: str) -> bool:
        now = self._now()
        self._forget(now)
        if nonce in self._until or len(self._until) >= self._most:
            return True
        self._until[nonce] = now + self._keep
        return False

    def _forget(self, now: float) -> None:
        while self._until:
            oldest = next(iter(self._until))
            if self._until[oldest] >= now:
                return
            del self._until[oldest]


def headers_of(scheme: Scheme) -> tuple[str, ...]:
    """The names of the headers that `sign` makes."""
    return HEADERS if scheme == "v2" else (TIMESTAMP, SIGNATURE, AUTH_TYPE)


def scheme_of(headers: Headers) -> Scheme | None:
    """The scheme that a request says it is signed by."""
    return next((_SCHEME_OF.get(value) for name, value in _pairs(headers) if name.lower() == AUTH_TYPE), None)


def timestamp_of(headers: Headers) -> int | None:
    """The Unix time that a request says it was signed at; None where none can be read."""
    text = next((value for name, value in _pairs(headers) if name.lower() == TIMESTAMP), "")
    return int(text) if _is_timestamp(text) else None


def _read(headers: Headers, schemes: Sequence[Scheme]) -> tuple[Scheme, str, str, str] | Invalid:
    """Scheme, timestamp, nonce and signature, each in the only form that is taken."""
    found: dict[str, str] = {}
    for name, value in _pairs(headers):
        lowered = name.lower()
        if lowered in found:
            return Invalid.HEADER_TWICE
        if lowered in HEADERS:
            found[lowered] = value
    if not {TIMESTAMP, SIGNATURE, AUTH_TYPE} <= found.keys():
        return Invalid.HEADER_MISSING
    scheme = _SCHEME_OF.get(found[AUTH_TYPE])
    if scheme is None or scheme not in schemes:
        return Invalid.AUTH_TYPE_UNKNOWN
    if not _is_timestamp(found[TIMESTAMP]):
        return Invalid.TIMESTAMP_MALFORMED
    nonce = found.get(NONCE) if scheme == "v2" else ""
    if nonce is None:
        return Invalid.HEADER_MISSING
    if scheme == "v2" and not _is_nonce(nonce):
        return Invalid.NONCE_MALFORMED
    return scheme, found[TIMESTAMP], nonce, found[SIGNATURE]


def _pairs(headers: Headers) -> Iterable[tuple[str, str]]:
    return headers.items() if isinstance(headers, Mapping) else headers


def _is_timestamp(text: str) -> bool:
    return len(text) <= _LONGEST_TIMESTAMP and text.isascii() and text.isdigit()


def _is_nonce(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_NONCE and _NONCE_LETTERS.issuperset(text)


def _raw(text: str) -> bytes:
    """The bytes on the wire: what a header holds that is no UTF-8 is read with surrogates in its place."""
    return text.encode("utf-8", "surrogateescape")


def _signature(secret: bytes, signed: bytes) -> str:
    return hmac.new(secret, signed, hashlib.sha256).hexdigest()


def _signed_by_one(secret: bytes | Sequence[bytes], signed: bytes, signature: str) -> bool:
    """Each secret is tried, whichever fits: how long it takes tells nothing. An empty one signs nothing."""
    given = signature.encode("utf-8", "replace")
    secrets = [secret] if isinstance(secret, bytes) else secret
    fits = [hmac.compare_digest(_signature(one, signed).encode(), given) for one in secrets if one]
    return any(fits)
