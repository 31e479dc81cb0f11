"""TLS towards upstreams: whose certificates are believed, and which one is shown.

Law: every file that is named is read, so that it is watched and may rotate. The snapshot knows where they are; what
they hold goes to Envoy past it, and only what Envoy will take.
"""

import re
from datetime import datetime
from typing import Final

from extproc.config.certificates import (
    SOON,
    Authorities,
    HeldCertificates,
    Pair,
    UnfitCertificate,
    date_of,
    read_authorities,
    read_pair,
)
from extproc.config.problems import PathParts
from extproc.config.report import Report
from extproc.config.schema_upstreams import ProviderKeys, ServiceKeys, TlsKeys
from extproc.snapshot import Tls

_NAME: Final = re.compile(
    r"^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$"
)


def compile_tls(keys: ProviderKeys | ServiceKeys, secure: bool, path: PathParts, report: Report) -> Tls:
    if keys.http2 and secure:
        report.add(
            (*path, "http2"), "goes only with http:// addresses", "https:// speaks HTTP/2 when the other side does"
        )
    written = keys.tls or TlsKeys()
    if not secure:
        for name in ("ca", "tls"):
            if getattr(keys, name) is not None:
                report.add((*path, name), "goes only with https:// addresses")
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
    ca = NamedFile(keys.ca if keys.ca is not None else written.ca, where, "the file of CA certificates", report)
    certificate = NamedFile(written.client_certificate, (*here, "client_certificate"), "the client certificate", report)
    key = NamedFile(written.client_key, (*here, "client_key"), "the client's key", report)
    report.certificates[str(path[1])] = HeldCertificates(
        fit_pair(certificate, key, report), fit_authorities(ca, report)
    )
    return Tls(ca.location, certificate.location, key.location, written.server_name)


class NamedFile:
    """A file that the document may name: where it is, and what it holds as far as it can be read."""

    def __init__(self, written: str | None, path: PathParts, what: str, report: Report) -> None:
        self.path = path
        missing = written is None or report.is_elsewhere(path, written)
        self.data = None if written is None or missing else report.read(path, written, what)
        self.location = None if written is None else report.location(path, written)


def fit_pair(certificate: NamedFile, key: NamedFile, report: Report) -> Pair | None:
    if certificate.data is None or key.data is None:
        return None
    try:
        pair = read_pair(certificate.data, key.data, report.now)
    except UnfitCertificate as unfit:
        report.add((key if unfit.which == "key" else certificate).path, unfit.message, unfit.hint)
        return None
    _note_the_end("the certificate", pair.expires, certificate, report)
    return pair


def fit_authorities(ca: NamedFile, report: Report) -> Authorities | None:
    if ca.data is None:
        return None
    try:
        authorities = read_authorities(ca.data, report.now)
    except UnfitCertificate as unfit:
        report.add(ca.path, unfit.message, unfit.hint)
        return None
    _note_the_end("a CA certificate", authorities.expires, ca, report)
    return authorities


def _note_the_end(what: str, end: datetime, file: NamedFile, report: Report) -> None:
    if end - report.now <= SOON:
        report.note(file.path, f"{what} expires on {date_of(end)}", "put a new one there: no restart is needed")


def _check_pair(written: TlsKeys, path: PathParts, report: Report) -> None:
    if (written.client_certificate is None) != (written.client_key is None):
        missing = "client_key" if written.client_key is None else "client_certificate"
        other = "client_certificate" if written.client_key is None else "client_key"
        report.add((*path, missing), "is missing", f"`{other}` needs it")
