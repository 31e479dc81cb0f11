"""Credentials: what the snapshot may know of them, and the secrets themselves.

Law: a secret is never printed. Its repr shows nothing, its problems quote nothing, and it leaves only by `read`.
"""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from extproc.config.aws import PROVIDER_CHAIN, AwsKeys, keys_of_profile
from extproc.config.problems import PathParts
from extproc.config.report import Report
from extproc.config.schema import CallerKeys
from extproc.config.schema_credentials import (
    AwsProfileKeys,
    AwsStaticKeys,
    CredentialFileKeys,
    CredentialValueKeys,
    GoogleKeys,
    SecretFileKeys,
)
from extproc.config.schema_upstreams import ProviderKeys
from extproc.config.variables import unknown
from extproc.snapshot import Credential

_HASH = re.compile(r"^(?:sha256:)?([0-9a-fA-F]{64})$")
_UNFIT = re.compile(r"[^\x21-\x7e]")  # what cannot stand in a header that carries one token
_BEARER: Final = ("authorization", "Bearer ")
# How a dialect's own keys are sent where it is not as a bearer token.
_KEY_HEADERS: Final = {"azure_openai": "api-key", "anthropic": "x-api-key", "gemini": "x-goog-api-key"}
_GOOGLE_DIALECTS: Final = frozenset({"gemini", "vertex"})


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as it was read when the configuration was loaded, and where it came from: what others can refer to."""

    value: str = field(repr=False)
    file: Path | None = field(default=None, repr=False, compare=False)
    variable: str | None = field(default=None, repr=False, compare=False)
    written: str = field(default="", repr=False, compare=False)  # FILE:LINE: PATH

    def read(self) -> str:
        return self.value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


Held = Secret | AwsKeys


def credential_of(provider: ProviderKeys, path: PathParts, report: Report) -> tuple[Credential, Held | None]:
    """How the provider is shown who pays, and the secret for it where we hold one."""
    written = provider.credential
    here = (*path, "credential")
    if written is None:
        return Credential(), None
    if written == "caller":
        return Credential("caller", *_own_form(provider.dialect)), None
    if isinstance(written, GoogleKeys):
        _refuse_google(provider.dialect, here, report)
        return Credential(), None
    if isinstance(written, (AwsProfileKeys, AwsStaticKeys)):
        return _aws(written, provider.dialect, here, report)
    bearer = isinstance(written, (CredentialFileKeys, CredentialValueKeys)) and written.sent_as == "bearer"
    form = _BEARER if bearer else _own_form(provider.dialect)
    return Credential("injected", *form), secret_of(written, here, report)


def _own_form(dialect: str) -> tuple[str, str]:
    """The header, and what stands before the key in it."""
    return (_KEY_HEADERS[dialect], "") if dialect in _KEY_HEADERS else _BEARER


def _refuse_google(dialect: str, path: PathParts, report: Report) -> None:
    if dialect in _GOOGLE_DIALECTS:
        hint = "write {file: TOKEN, as: bearer}: an access token that another program keeps fresh"
        report.add(path, "tokens of Google's own accounts are known, and have not landed in this version", hint)
    else:
        report.add(path, "this form goes only with vertex and gemini", "write a secret, {file: PATH} or `caller`")


def _aws(
    written: AwsProfileKeys | AwsStaticKeys, dialect: str, path: PathParts, report: Report
) -> tuple[Credential, AwsKeys | None]:
    if dialect != "bedrock":
        report.add(path, "this form goes only with bedrock", "write a secret, {file: PATH} or `caller`")
        return Credential(), None
    if isinstance(written, AwsStaticKeys):
        return Credential("aws_keys", "authorization", ""), _written_out(written, path, report)
    if written.aws == PROVIDER_CHAIN:
        return Credential("aws_chain", "authorization", ""), None
    return Credential("aws_keys", "authorization", ""), keys_of_profile(written.aws, path, report)


def _written_out(written: AwsStaticKeys, path: PathParts, report: Report) -> AwsKeys | None:
    identity = secret_of(written.access_key_id, (*path, "access_key_id"), report)
    secret = secret_of(written.secret_access_key, (*path, "secret_access_key"), report)
    token = None
    if written.session_token is not None:
        token = secret_of(written.session_token, (*path, "session_token"), report)
    if identity is None or secret is None:
        return None
    held = (identity, secret, *([token] if token else []))
    return AwsKeys(
        identity.read(),
        secret.read(),
        token.read() if token else None,
        variables=tuple(one.variable for one in held),
        written=report.document.place(path),
    )


def secret_of(written: str | SecretFileKeys | CredentialValueKeys, path: PathParts, report: Report) -> Secret | None:
    if isinstance(written, CredentialValueKeys):
        return secret_of(written.value, (*path, "value"), report)
    if isinstance(written, str):
        return _written(written, path, report) if _fit(written, path, report, "the secret") else None
    here = (*path, "file")
    data = _held(written.file, here, report)
    if not isinstance(data, bytes):
        return data
    text = data.decode("utf-8", errors="replace").strip()
    return _from_file(text, here, report) if _fit(text, here, report, "the secret in the file") else None


def shared_secret_of(written: str | SecretFileKeys, path: PathParts, report: Report) -> Secret | None:
    """A secret that is never sent, so any text will do; around what a file holds, white space is none of it."""
    if isinstance(written, str):
        if not written or written != written.strip():
            wrong = "begins or ends with a space or a line break" if written else "is empty"
            report.add(path, f"the secret {wrong}")
            return None
        return _written(written, path, report)
    here = (*path, "file")
    data = _held(written.file, here, report)
    if not isinstance(data, bytes):
        return data
    try:
        text = data.decode("utf-8").strip()
    except UnicodeDecodeError:
        report.add(here, "the secret in the file is no UTF-8 text", "write it as text: openssl rand -hex 32")
        return None
    if not text:
        report.add(here, "the secret in the file is empty")
        return None
    return _from_file(text, here, report)


def _written(value: str, path: PathParts, report: Report) -> Secret:
    report.secrets.add(path)
    return Secret(value, variable=report.document.variable(path), written=report.document.place(path))


def _held(file: str, path: PathParts, report: Report) -> bytes | Secret | None:
    """What the file holds; or a secret that nobody here can read, of a file on another machine; or a problem."""
    if report.is_elsewhere(path, file):
        return _elsewhere(file, path, report)
    return report.read(path, file, "the secret file")


def _elsewhere(file: str, path: PathParts, report: Report) -> Secret:
    return Secret(unknown(file), Path(report.location(path, file)), written=report.document.place(path))


def _from_file(text: str, path: PathParts, report: Report) -> Secret:
    return Secret(text, report.files[-1], written=report.document.place(path))


def key_hash_of(caller: CallerKeys, path: PathParts, report: Report) -> str | None:
    """The SHA-256 of a caller's key, in hex; None where it has none, or none that can be used."""
    if caller.key is not None and caller.hash is not None:
        report.add(path, "the caller has a key and a hash", "write exactly one of `key` and `hash`")
        return None
    if caller.hash is not None:
        found = _HASH.match(caller.hash)
        if found is None:
            report.add((*path, "hash"), "must be 64 hex digits", "the SHA-256 of the key, with or without `sha256:`")
        return found[1].lower() if found else None
    if caller.key is None:
        return None
    secret = secret_of(caller.key, (*path, "key"), report)
    return hashlib.sha256(secret.read().encode()).hexdigest() if secret else None


def _fit(text: str, path: PathParts, report: Report, what: str) -> bool:
    if not text:
        report.add(path, f"{what} is empty", "leave `credential` out to send none" if path[-1] == "credential" else "")
    elif _UNFIT.search(text):
        report.add(path, f"{what} holds a space, a line break or another character that no key has")
    else:
        return True
    return False
