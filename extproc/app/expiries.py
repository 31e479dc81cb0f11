"""When the certificates of TLS end, to upstreams and to clients: a metric, and a line in the log before it bites.

Law: only certificates are read, never a key. A file that cannot be read for a moment, or holds nothing good, changes
nothing: Envoy still has what was there before, and the reload says what is wrong with it.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from extproc.observe.metrics import Metrics
from extproc.snapshot import ListenTls, Provider, Service, Snapshot

LOOK: Final = 60.0  # seconds: a file may change without any change of the configuration
WARNINGS: Final = (timedelta(days=14), timedelta(days=1), timedelta(0))
_log = logging.getLogger("extproc")
LISTEN: Final = "listen"  # whose the listener's are, by the key of the configuration
_WORDS: Final = {
    "client": "client certificate",
    "ca": "CA certificate",
    "server": "certificate",
    "client_ca": "client CA certificate",
}
_TRUSTED: Final = ("ca", "client_ca")
_Series = tuple[str, str]  # whose, and of which kind


class Expiries:
    def __init__(self, metrics: Metrics, epoch: Callable[[], float]) -> None:
        self._metrics = metrics
        self._epoch = epoch
        self._known: dict[_Series, datetime] = {}
        self._warned: dict[_Series, tuple[datetime, int]] = {}

    def look(self, snapshot: Snapshot) -> None:
        now = datetime.fromtimestamp(self._epoch(), UTC)
        found = {series: _end(series[1], path, now) for series, path in _files(snapshot)}
        self._known = {
            series: end for series, new in found.items() if (end := new or self._known.get(series)) is not None
        }
        self._metrics.certificates({series: end.timestamp() for series, end in self._known.items()})
        for series, end in self._known.items():
            self._warn(series, end, now)

    def _warn(self, series: _Series, end: datetime, now: datetime) -> None:
        """Once for each step that comes nearer."""
        near = sum(end - now <= step for step in WARNINGS)
        if near and self._warned.get(series) != (end, near):
            whose = f"the {_WORDS[series[1]]} of {series[0]}"
            level = logging.ERROR if near > 1 else logging.WARNING
            tense = "expired" if end <= now else "expires"
            _log.log(level, "%s %s at %s", whose, tense, end.isoformat(timespec="seconds"))
        self._warned[series] = (end, near)


def _files(snapshot: Snapshot) -> Iterator[tuple[_Series, str]]:
    upstreams: tuple[Provider | Service, ...] = (*snapshot.providers.values(), *snapshot.services.values())
    for upstream in upstreams:
        if upstream.tls.client_certificate is not None:
            yield (upstream.name, "client"), upstream.tls.client_certificate
        if upstream.tls.ca is not None:
            yield (upstream.name, "ca"), upstream.tls.ca
    yield from _of_listener(snapshot.listen.tls)


def _of_listener(tls: ListenTls | None) -> Iterator[tuple[_Series, str]]:
    if tls is not None:
        yield (LISTEN, "server"), tls.certificate
        if tls.client_ca is not None:
            yield (LISTEN, "client_ca"), tls.client_ca


def _end(kind: str, path: str, now: datetime) -> datetime | None:
    # here, because most processors have none to read and would pay a sixth of their start for it
    from extproc.config.certificates import UnfitCertificate, expiry_of

    try:
        return expiry_of(Path(path).read_bytes(), "ca" if kind in _TRUSTED else "certificate", now)
    except (OSError, UnfitCertificate):
        return None
