"""The TLS of probes: what the provider's requests have, from the same files.

Law: files are read again when they change, and only then. New ones that cannot be used leave the old ones in force, as
they do for requests. Where there are no old ones that is said, without what a file holds, and nobody is ill for it.
"""

import os
import ssl

from extproc.probing.failures import NotAsked
from extproc.snapshot import Tls

Fingerprint = tuple[tuple[int, int, int], ...]


class TlsContext:
    def __init__(self, tls: Tls, ca_bundle: str | None) -> None:
        self._ca = tls.ca or ca_bundle
        self._certificate, self._key = tls.client_certificate, tls.client_key
        self._seen: Fingerprint | None = None
        self._context: ssl.SSLContext | None = None

    def current(self) -> ssl.SSLContext:
        """The same object while nothing changes. Raises NotAsked."""
        files = [file for file in (self._ca, self._certificate, self._key) if file]
        try:
            seen = tuple(_mark(file) for file in files)
            if self._context is None or seen != self._seen:
                self._context, self._seen = self._made(), seen
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            if self._context is None:
                reason = error.reason if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
                raise NotAsked(f"our own TLS files cannot be used: {reason or 'not a PEM file'}") from None
        return self._context

    def _made(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._ca)
        if self._certificate:
            context.load_cert_chain(self._certificate, self._key, password=_no_password)
        return context


def _no_password() -> str:
    """A key that wants one is an error, and never a prompt on somebody's terminal."""
    raise ValueError("the key is encrypted")


def _mark(file: str) -> tuple[int, int, int]:
    status = os.stat(file)
    return status.st_ino, status.st_mtime_ns, status.st_size
