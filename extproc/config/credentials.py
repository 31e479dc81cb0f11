"""Credentials: what the snapshot may know of them, and the secrets themselves.

Law: a secret is never printed. Its repr shows nothing, its problems quote nothing, and it leaves only by `read`.
"""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from extproc.config.problems import PathParts
from extproc.config.report import Report
from extproc.config.schema import CallerKeys
from extproc.config.schema_upstreams import ProviderKeys, SecretFileKeys
from extproc.snapshot import Credential

_HASH = re.compile(r"^(?:sha256:)?([0-9a-fA-F]{64})$")
_UNFIT = re.compile(r"[^\x21-\x7e]")  # what cannot stand in a header that carries one token
_CLOUD_DIALECTS = frozenset({"bedrock", "vertex"})


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as it was read when the configuration was loaded, and the file it came from, if any."""

    value: str = field(repr=False)
    file: Path | None = field(default=None, repr=False)

    def read(self) -> str:
        return self.value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


def credential_of(provider: ProviderKeys, path: PathParts, report: Report) -> tuple[Credential, Secret | None]:
    """How the provider is shown who pays, and the secret for it where we hold one."""
    written = provider.credential
    here = (*path, "credential")
    if written is None:
        return Credential(), None
    if written == "caller":
        return Credential("caller", *_header(provider.dialect)), None
    if isinstance(written, (str, SecretFileKeys)):
        secret = secret_of(written, here, report)
        return Credential("injected", *_header(provider.dialect)), secret
    if provider.dialect not in _CLOUD_DIALECTS:
        report.add(here, "this form goes only with bedrock and vertex", "write a secret, {file: PATH} or `caller`")
    return Credential(), None


def secret_of(written: str | SecretFileKeys, path: PathParts, report: Report) -> Secret | None:
    if isinstance(written, str):
        return Secret(written) if _fit(written, path, report, "the secret") else None
    here = (*path, "file")
    data = report.read(here, written.file, "the secret file")
    if data is None:
        return None
    text = data.decode("utf-8", errors="replace").strip()
    return Secret(text, report.files[-1]) if _fit(text, here, report, "the secret in the file") else None


def key_hash_of(caller: CallerKeys, path: PathParts, report: Report) -> str | None:
    """The SHA-256 of a caller's key, in hex."""
    if (caller.key is None) == (caller.hash is None):
        wrong = "needs its key" if caller.key is None else "has a key and a hash"
        report.add(path, f"the caller {wrong}", "write exactly one of `key` and `hash`")
        return None
    if caller.hash is not None:
        found = _HASH.match(caller.hash)
        if found is None:
            report.add((*path, "hash"), "must be 64 hex digits", "the SHA-256 of the key, with or without `sha256:`")
        return found[1].lower() if found else None
    assert caller.key is not None
    secret = secret_of(caller.key, (*path, "key"), report)
    return hashlib.sha256(secret.read().encode()).hexdigest() if secret else None


def _header(dialect: str) -> tuple[str, str]:
    return ("api-key", "") if dialect == "azure_openai" else ("authorization", "Bearer ")


def _fit(text: str, path: PathParts, report: Report, what: str) -> bool:
    if not text:
        report.add(path, f"{what} is empty", "leave `credential` out to send none" if path[-1] == "credential" else "")
    elif _UNFIT.search(text):
        report.add(path, f"{what} holds a space, a line break or another character that no key has")
    else:
        return True
    return False
