"""One door for text from outside on its way into a log: whatever looks like a credential is masked.

Law: rather one word too many is masked than one secret printed. Names stay, values go: `api_key=***`. What is meant
for people stays readable, and a text without secrets comes back as it was.
"""

from re import IGNORECASE, Match, compile
from typing import Final

MASK: Final = "***"

# Each pattern is linear: one class of characters, repeated, with nothing that overlaps it before or behind.
_PEM = compile(r"-----BEGIN [A-Z ]{0,40}-----[^-]*(?:-----END [A-Z ]{0,40}-----)?")
_USERINFO = compile(r"(://)[^/\s@:\"']{1,256}:[^/\s@\"']{1,256}(@)")
_SCHEME = compile(
    r"\b(bearer|basic|aws4-hmac-sha256)(\s+)[^\s,\"';]+(?:[^\"'\r\n]{0,1024}signature=[0-9a-f]+)?", IGNORECASE
)
_NAMED = compile(
    r"((?:\b|[_-])(?:api[_-]?key|apikey|key|[a-z_-]{0,20}token|secret|password|passwd|authorization|credential|cookie"
    r"|signature|sig|x-api-key|access[_-]?key(?:[_-]?id)?)[\"']?\s{0,4}[=:]\s{0,4}[\"']?)([^\s\"'&,;)}\]]+)",
    IGNORECASE,
)
_TOKENS = compile(
    r"\b(?:"
    r"(?:sk|pk|rk|gsk|xai|hf|ghp|gho|ghs|github_pat|glpat|xox[abprs]|pplx|r8|nvapi|key)[-_][A-Za-z0-9_\-*.]{6,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|AIza[A-Za-z0-9_\-]{16,}"
    r"|ya29\.[A-Za-z0-9_\-.]{8,}"
    r"|eyJ[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*){0,2}"
    r")"
)


def redact(text: str) -> str:
    """The text with everything masked that looks like a credential."""
    text = _PEM.sub(MASK, text)
    text = _USERINFO.sub(rf"\1{MASK}\2", text)
    text = _SCHEME.sub(rf"\1\2{MASK}", text)
    text = _TOKENS.sub(MASK, text)
    return _NAMED.sub(_keep_the_name, text)


def _keep_the_name(found: Match[str]) -> str:
    name, value = found.groups()
    # `Authorization: Bearer ***` was masked before; the scheme's name is no secret.
    return found.group() if value.lower() in ("bearer", "basic", MASK) else f"{name}{MASK}"


def redact_error(error: BaseException) -> str:
    """An exception in one line: its kind, and its text without secrets."""
    text = redact(str(error))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
