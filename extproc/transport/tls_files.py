"""The files of TLS between Envoy and a processor, and how it is told that they have changed."""

import os
from dataclasses import dataclass
from pathlib import Path

Seen = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    certificate: Path
    key: Path
    client_ca: Path

    def seen(self) -> Seen:
        found = [os.stat(path) for path in (self.certificate, self.key, self.client_ca)]
        return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in found)
