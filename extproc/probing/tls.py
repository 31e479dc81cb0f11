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
    def __init__(self, tls: Tls, ca_bundle: str | None, name: str | None = None) -> None:
        """`name`: whose certificate is asked for inside a tunnel."""
        self._name = name
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
        context: ssl.SSLContext
        if self._name:
            context = _Named(self._name)
            context.load_verify_locations(self._ca) if self._ca else context.load_default_certs()
        else:
            context = ssl.create_default_context(cafile=self._ca)
        if self._certificate:
            context.load_cert_chain(self._certificate, self._key, password=_no_password)
        return context


class _Named(ssl.SSLContext):
    """Asks for this name, whatever its user says: inside a tunnel httpx knows none but that of the address."""

    name: str

    def __new__(cls, name: str) -> "_Named":
        made = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        made.name = name
        return made

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        return super().wrap_bio(incoming, outgoing, server_side, self.name, session)


def _no_password() -> str:
    """A key that wants one is an error, and never a prompt on somebody's terminal."""
    raise ValueError("the key is encrypted")


def _mark(file: str) -> tuple[int, int, int]:
    status = os.stat(file)
    return status.st_ino, status.st_mtime_ns, status.st_size
