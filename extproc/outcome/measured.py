"""The board of measures: how fast and how reliable each target was lately, and how long its answers are.

Law: failures are learnt from attempts, as soon as they are known; all else from the exchange that ended, which alone
knows whether an answer was whole. Callers name targets, so memory is bounded: the one heard of the longest ago goes.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from extproc.decision.decayed import Decayed, decayed
from extproc.decision.plan import Measure
from extproc.decision.track_record import TrackRecord
from extproc.dialects.endpoints import BY_NAME
from extproc.observe.outcome import Outcome
from extproc.outcome.classify import AttemptResult
from extproc.outcome.recent import Recent
from extproc.outcome.speed import WITH_OUTPUT
from extproc.snapshot import Snapshot

LIMIT: Final = 2_000
OUTPUTS_HALF_LIFE: Final = 1800.0  # seconds: how long answers are changes slowly
ANSWERED: Final = frozenset({"ok", "caller_error", "rate_limited"})
NEW: Final = TrackRecord()


class Measured:
    def __init__(self, limit: int = LIMIT) -> None:
        self._records: Recent[TrackRecord] = Recent(limit)
        self._outputs: Recent[Decayed] = Recent(limit)  # by `route provider/model`
        self._used: dict[str, float] = {}  # when a provider last answered anything
        self._providers: frozenset[str] = frozenset()
        self.outputs: Mapping[str, Measure] = Outputs(self._outputs)

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def of(self, target: str) -> TrackRecord | None:
        return self._records.get(target)

    def used_at(self, provider: str) -> float | None:
        return self._used.get(provider)

    def use(self, snapshot: Snapshot, wanted: Callable[[str], bool]) -> None:
        self._providers = frozenset(snapshot.providers)
        self._records.keep(wanted)
        self._outputs.keep(lambda key: wanted(key.partition(" ")[2]))
        self._used = {name: at for name, at in self._used.items() if name in self._providers}

    def attempt(self, result: AttemptResult, now: float) -> None:
        if result.target.provider not in self._providers:
            return
        if result.kind in ANSWERED:
            self._used[result.target.provider] = now
        if result.kind in ("failure", "sink"):
            self._change(str(result.target), lambda before: before.failed(now))

    def exchange(self, outcome: Outcome, now: float) -> None:
        """An exchange has ended: what its last target did, if it answered."""
        target, last = outcome.target, next(reversed(outcome.real_attempts), None)
        if target is None or last is None or target.partition("/")[0] not in self._providers:
            return
        if last.kind == "ok":
            self._change(target, lambda before: before.failed(now) if outcome.failed else before.succeeded(now))
        speed, usage = outcome.speed, outcome.usage
        if speed is not None:
            self._change(target, lambda before: before.answered(speed, now))
        if usage is None or usage.estimated or not _whole(outcome):
            return
        if usage.input > 0:
            self._change(target, lambda before: before.read(min(usage.cached_input / usage.input, 1.0), now))
        endpoint = BY_NAME.get(outcome.endpoint)
        if endpoint is not None and endpoint.family in WITH_OUTPUT:
            key = f"{outcome.route} {target}"
            mean = decayed(self._outputs.get(key), usage.output, now, OUTPUTS_HALF_LIFE)
            if mean is not None:
                self._outputs.put(key, mean)

    def _change(self, target: str, step: Callable[[TrackRecord], TrackRecord]) -> None:
        self._records.put(target, step(self._records.get(target) or NEW))


def _whole(outcome: Outcome) -> bool:
    return not (outcome.client_left or outcome.cut or outcome.failed)


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
