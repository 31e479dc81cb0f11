"""AWS keys: written out, or those of a profile in the AWS credentials file.

Law: as with every secret nothing of them is printed. A profile is read here and only its own keys go on, so that Envoy
is never given the whole file, and a change of it is followed like every other secret file's.
"""

import re
from configparser import Error, RawConfigParser
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from extproc.config.problems import PathParts, nearest_or_all
from extproc.config.report import Report
from extproc.config.variables import unknown

PROVIDER_CHAIN: Final = "default"  # as a profile: wherever AWS's own programs look
_FILE_VARIABLE: Final = "AWS_SHARED_CREDENTIALS_FILE"
_UNFIT: Final = re.compile(r"[^\x21-\x7e]")
_NOT_READ: Final = (
    "profiles that assume a role, sign in by SSO or run a program are not read: write {aws: default}, or the keys"
)


@dataclass(frozen=True, slots=True)
class AwsKeys:
    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    # where they came from: what others can refer to
    variables: tuple[str | None, ...] = field(default=(), repr=False, compare=False)  # of those that are set, in order
    file: Path | None = field(default=None, repr=False, compare=False)
    profile: str | None = field(default=None, repr=False, compare=False)  # of that file
    written: str = field(default="", repr=False, compare=False)  # FILE:LINE: PATH

    def __repr__(self) -> str:
        return "AwsKeys(…)"

    __str__ = __repr__


def keys_of_profile(name: str, path: PathParts, report: Report) -> AwsKeys | None:
    here = (*path, "aws")
    file = Path(report.environment.get(_FILE_VARIABLE) or "~/.aws/credentials").expanduser().absolute()
    if report.is_elsewhere(here, str(file)):
        return AwsKeys(unknown(name), unknown(name), file=file, profile=name, written=report.document.place(here))
    data = report.read(here, str(file), "the AWS credentials file")
    if data is None:
        return None
    profiles = RawConfigParser(default_section="\0", strict=False, comment_prefixes=("#", ";"))
    try:
        profiles.read_string(data.decode("utf-8"))
    except (Error, UnicodeDecodeError):  # their texts quote the file
        report.add(here, f"{file} cannot be read as an AWS credentials file")
        return None
    if not profiles.has_section(name):
        hint = nearest_or_all(name, profiles.sections(), "profile")
        report.add(here, f"{file} holds no profile `{name}`", hint)
        return None
    keys = _keys(dict(profiles[name]), f"the profile `{name}` of {file}", here, report)
    return None if keys is None else replace(keys, file=file, profile=name, written=report.document.place(here))


def _keys(profile: dict[str, str], what: str, path: PathParts, report: Report) -> AwsKeys | None:
    identity, secret = profile.get("aws_access_key_id", ""), profile.get("aws_secret_access_key", "")
    if not identity or not secret:
        report.add(path, f"{what} holds no access key", _NOT_READ)
        return None
    keys = AwsKeys(identity, secret, profile.get("aws_session_token") or None)
    if any(_UNFIT.search(one) for one in (identity, secret, keys.session_token or "")):
        report.add(path, f"a key of {what} holds a space or another character that no key has")
        return None
    return keys
