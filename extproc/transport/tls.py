"""TLS between Envoy and a processor: who we are, and who may ask.

Law: whoever asks shows a certificate of our CA, or there is no connection. The files are looked at with each new
connection; new ones that fit each other are shown from then on, and as long as they do not, the old ones are. An open
connection keeps what it began with. Nothing said here quotes what a file holds.
"""

import logging
from datetime import UTC, datetime
from typing import Any, Final

import grpc

from extproc.transport.listen import ListenError
from extproc.transport.tls_files import Seen, TlsFiles

_OPTIONS: Final = {"certificate": "--tls-certificate", "key": "--tls-key", "ca": "--tls-client-ca"}
_CRL: Final = "-----BEGIN X509 CRL"
_log = logging.getLogger("extproc")
_grpc: Any = grpc  # its helpers carry no types


class FollowedCredentials:
    """What grpc asks of us at each handshake, on a thread of its own."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._seen: Seen | None = None
        self._told = ""

    def first(self) -> Any:
        """ListenError where the files cannot be used."""
        try:
            seen = self._files.seen()
            configuration = _read(self._files)
        except _Unfit as error:
            raise ListenError(str(error)) from None
        except OSError as error:
            raise ListenError(_unread(self._files, error)) from None
        self._seen = seen
        return _grpc.dynamic_ssl_server_credentials(configuration, self.next, require_client_authentication=True)

    def next(self) -> Any:
        """The configuration of new files; None: what there was goes on."""
        try:
            seen = self._files.seen()
            if seen == self._seen:
                return None
            configuration = _read(self._files)
        except _Unfit as error:
            self._complain(str(error))
            return None
        except OSError as error:
            self._complain(_unread(self._files, error))
            return None
        self._seen, self._told = seen, ""
        _log.info("the new certificates for Envoy are in use")
        return configuration

    def _complain(self, why: str) -> None:
        """Once: while the two files are written one after the other, every handshake comes by here."""
        if why != self._told:
            self._told = why
            _log.error("the new certificates for Envoy are not used: %s", why)


class _Unfit(Exception):
    """The files are no certificate, its key and a CA."""


def _unread(files: TlsFiles, error: OSError) -> str:
    options = {str(files.certificate): "certificate", str(files.key): "key", str(files.client_ca): "ca"}
    which = options.get(str(error.filename))
    return f"{f'{_OPTIONS[which]} ' if which else ''}{error.filename}: {(error.strerror or str(error)).lower()}"


def _read(files: TlsFiles) -> Any:
    # here, because a processor without TLS would pay a sixth of its start for it
    from extproc.config.certificates import UnfitCertificate, read_authorities, read_pair

    now = datetime.now(UTC)
    paths = {"certificate": files.certificate, "key": files.key, "ca": files.client_ca}
    try:
        pair = read_pair(files.certificate.read_bytes(), files.key.read_bytes(), now)
        trusted = read_authorities(files.client_ca.read_bytes(), now).certificates
    except UnfitCertificate as error:
        raise _Unfit(f"{_OPTIONS[error.which]} {paths[error.which]}: {error.message}") from None
    roots = trusted.partition(_CRL)[0]  # grpc takes no lists of revocations
    return _grpc.ssl_server_certificate_configuration([(pair.key.encode(), pair.certificate.encode())], roots.encode())
