"""The board of measures: how fast and how reliable each target was lately, and how long its answers are.

Law: failures are learnt from attempts, as soon as they are known; all else from the exchange that ended, which alone
knows whether an answer was whole. Callers name targets, so memory is bounded: the one heard of the longest ago goes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Final

from extproc.decision.decayed import Decayed, decayed
from extproc.decision.plan import Measure, output_keys
from extproc.decision.track_record import Answer, TrackRecord
from extproc.dialects.endpoints import BY_NAME
from extproc.money import Usage
from extproc.observe.outcome import Outcome
from extproc.outcome.classify import AttemptResult
from extproc.outcome.recent import Recent
from extproc.outcome.speed import WITH_OUTPUT
from extproc.snapshot import Snapshot

LIMIT: Final = 2_000
OUTPUTS_HALF_LIFE: Final = 1800.0  # seconds: how long answers are changes slowly
NEW: Final = TrackRecord()


class Measured:
    def __init__(self, limit: int = LIMIT) -> None:
        self._records: Recent[TrackRecord] = Recent(limit)
        self._outputs: Recent[Decayed] = Recent(limit)  # by the keys of `output_keys`
        self._used: dict[str, float] = {}  # when a provider last answered anything
        self._providers: frozenset[str] = frozenset()
        self.outputs: Mapping[str, Measure] = Outputs(self._outputs)

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def of(self, target: str) -> TrackRecord | None:
        return self._records.get(target)

    def use(self, snapshot: Snapshot, wanted: Callable[[str], bool]) -> None:
        self._providers = frozenset(snapshot.providers)
        self._records.keep(wanted)
        routes = {route.name for route in snapshot.routes}
        self._outputs.keep(lambda key: _about(key, routes, wanted))
        self._used = {name: at for name, at in self._used.items() if name in self._providers}

    def all(self) -> tuple[dict[str, TrackRecord], dict[str, Decayed]]:
        """The records of targets, and the lengths of answers."""
        return self._records.all(), self._outputs.all()

    def inherit(self, records: Mapping[str, TrackRecord], outputs: Mapping[str, Decayed]) -> None:
        self._records.put_all(records)
        self._outputs.put_all(outputs)

    def attempt(self, result: AttemptResult, now: float) -> None:
        if result.target.provider in self._providers and result.kind in ("failure", "sink"):
            target = str(result.target)
            self._records.put(target, (self._records.get(target) or NEW).failed(now))

    def exchange(self, outcome: Outcome, now: float) -> None:
        """An exchange has ended: what its last target did, if it answered."""
        target, last = outcome.target, next(reversed(outcome.real_attempts), None)
        if target is None or last is None or target.partition("/")[0] not in self._providers:
            return
        good = not outcome.failed if last.kind == "ok" else None
        usage = _counted(outcome)
        cached = min(usage.cached_input / usage.input, 1.0) if usage is not None and usage.input else None
        if good is not None or cached is not None or outcome.speed is not None:
            before = self._records.get(target) or NEW
            self._records.put(target, before.answered(Answer(good, outcome.speed, cached), now))
        if usage is not None:
            self._learn_length(output_keys(outcome.route, target), outcome.endpoint, usage.output, now)

    def _learn_length(self, keys: Iterable[str], endpoint_name: str, tokens: int, now: float) -> None:
        endpoint = BY_NAME.get(endpoint_name)
        if endpoint is None or endpoint.family not in WITH_OUTPUT:
            return
        for key in keys:
            mean = decayed(self._outputs.get(key), tokens, now, OUTPUTS_HALF_LIFE)
            if mean is not None:
                self._outputs.put(key, mean)


def _about(key: str, routes: Set[str], wanted: Callable[[str], bool]) -> bool:
    """Whether a length is of somebody who is still there; what is of no one target, of a route that is."""
    route, _, target = key.partition(" ")
    return wanted(target) if target and not target.startswith("*/") else route in routes


def _counted(outcome: Outcome) -> Usage | None:
    """The tokens of a whole answer, where its provider counted them."""
    usage = outcome.usage
    if usage is None or usage.estimated or outcome.client_left or outcome.cut or outcome.failed:
        return None
    return usage


class Outputs(Mapping[str, Measure]):
    """Means of answers' lengths, as decisions read them."""

    def __init__(self, means: Recent[Decayed]) -> None:
        self._means = means

    def __getitem__(self, key: str) -> Measure:
        mean = self._means.get(key)
        if mean is None:
            raise KeyError(key)
        return mean.measure

    def get(self, key: str, default: Measure | None = None) -> Measure | None:  # type: ignore[override]
        mean = self._means.get(key)
        return mean.measure if mean is not None else default

    def __iter__(self) -> Iterator[str]:
        return iter(self._means)

    def __len__(self) -> int:
        return len(self._means)
