"""TLS towards upstreams: whose certificates are believed, and which one is shown.

Law: every file that is named is read, so that it is watched and may rotate.
"""

import re
from typing import Final

from extproc.config.problems import PathParts
from extproc.config.report import Report
from extproc.config.schema_upstreams import ProviderKeys, ServiceKeys, TlsKeys
from extproc.snapshot import Tls

_NAME: Final = re.compile(
    r"^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$"
)
_CERTIFICATE: Final = b"-----BEGIN"
_KEY: Final = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")


def compile_tls(keys: ProviderKeys | ServiceKeys, secure: bool, path: PathParts, report: Report) -> Tls:
    if keys.http2 and secure:
        report.add(
            (*path, "http2"), "goes only with http:// addresses", "https:// speaks HTTP/2 when the other side does"
        )
    written = keys.tls or TlsKeys()
    if not secure:
        for key in ("ca", "tls"):
            if getattr(keys, key) is not None:
                report.add((*path, key), "goes only with https:// addresses")
        return Tls()
    here = (*path, "tls")
    if keys.tls is not None and not written.model_fields_set:
        report.add(here, "must not be empty", "leave it out to show no certificate")
    if keys.ca is not None and written.ca is not None:
        report.add((*here, "ca"), "stands beside `ca`", "keep one of them")
    _check_pair(written, here, report)
    if written.server_name is not None and not _NAME.match(written.server_name):
        report.add((*here, "server_name"), "must be a host name")
    where: PathParts = (*path, "ca") if keys.ca is not None else (*here, "ca")
    return Tls(
        ca=_certificates(keys.ca if keys.ca is not None else written.ca, where, "the file of CA certificates", report),
        client_certificate=_certificates(
            written.client_certificate, (*here, "client_certificate"), "the client certificate", report
        ),
        client_key=_key(written.client_key, (*here, "client_key"), report),
        server_name=written.server_name,
    )


def _check_pair(written: TlsKeys, path: PathParts, report: Report) -> None:
    if (written.client_certificate is None) != (written.client_key is None):
        missing = "client_key" if written.client_key is None else "client_certificate"
        other = "client_certificate" if written.client_key is None else "client_key"
        report.add((*path, missing), "is missing", f"`{other}` needs it")


def _certificates(written: str | None, path: PathParts, what: str, report: Report) -> str | None:
    if written is None:
        return None
    data = report.read(path, written, what)
    if data is not None and _CERTIFICATE not in data:
        report.add(path, "the file holds no PEM certificates")
    return report.location(path, written)


def _key(written: str | None, path: PathParts, report: Report) -> str | None:
    if written is None:
        return None
    data = report.read(path, written, "the client's key")
    if data is not None and not _KEY.search(data):
        report.add(path, "the file holds no PEM key")
    return report.location(path, written)
