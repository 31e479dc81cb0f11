"""How canaries stood, in a file of the run: a processor that is started anew does not bring back what was rolled back.

Law: the file is a help, never a need. What cannot be read is forgotten, what cannot be written is logged, and a
rollout that is configured otherwise than it was written down begins anew.
"""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from extproc.decision.rollout import Progress, State
from extproc.snapshot import RolloutSpec
from extproc.stores.private_files import replace

_log = logging.getLogger("extproc")


@dataclass(frozen=True, slots=True)
class _Standing:
    rollout: str  # a hash of how it is configured
    state: State
    share: float
    step: int
    why: str


class RolloutMemory:
    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self, strategy: str, spec: RolloutSpec, now: float) -> Progress | None:
        """As it stood; its time at the share begins again."""
        known = self._read().get(strategy)
        if known is None or known.rollout != _hash(spec) or not 0 <= known.share <= 1 or known.step < 0:
            return None
        return Progress(known.state, known.share, known.step, now, known.why)

    def remember(self, standing: Mapping[str, tuple[RolloutSpec, Progress]]) -> None:
        known = {
            name: _Standing(_hash(spec), progress.state, progress.share, progress.step, progress.why)
            for name, (spec, progress) in standing.items()
        }
        try:
            replace(self._path, msgspec.json.encode(known))
        except OSError as error:
            _log.error("how the canaries stand could not be written down: %s", error.strerror)

    def _read(self) -> Mapping[str, _Standing]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, _Standing])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            _log.error("how the canaries stood cannot be read: they begin anew")
            return {}


def _hash(spec: RolloutSpec) -> str:
    return hashlib.sha256(msgspec.json.encode(spec)).hexdigest()
