"""The board of observations: breakers, measures, quotas, who has how much to do, and what probes say, in one view.

Law: each of them is kept in a place of its own; here they only meet. The view of a target is made when it is asked for,
so a decision pays for its candidates and for nobody else; within one view a target looks the same however often it is
asked for. A target of which nobody has anything to say is not in it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from extproc.decision.decayed import Decayed
from extproc.decision.health import is_asleep
from extproc.decision.lookup import index_of
from extproc.decision.plan import UNMEASURED, Measure, Observation, Observations, Plan, fresh
from extproc.decision.track_record import TrackRecord
from extproc.observe.labels import written_targets
from extproc.observe.outcome import Outcome
from extproc.outcome.breakers import Breakers
from extproc.outcome.classify import AttemptResult
from extproc.outcome.in_flight import InFlight
from extproc.outcome.known import Known
from extproc.outcome.last_used import LastUsed
from extproc.outcome.measured import Measured
from extproc.outcome.pending import Decided
from extproc.outcome.probed import NothingProbed, Probed, ProbeView
from extproc.outcome.quotas import Quotas
from extproc.outcome.record import Record
from extproc.outcome.throughputs import Throughputs
from extproc.outcome.turns import Turns
from extproc.snapshot import Endpoint, Provider, Snapshot

NOBODY_LOOKED: Final = ProbeView()
NO_RECORD: Final = TrackRecord()


class Board:
    def __init__(self, breakers: Breakers, probed: Probed | None = None, last_used: LastUsed | None = None) -> None:
        self.breakers = breakers
        self.probed = probed or NothingProbed()
        self.last_used = last_used or LastUsed()
        self.measured = Measured()
        self.quotas = Quotas()
        self.throughputs = Throughputs()
        self.in_flight = InFlight(self.throughputs)
        self.turns = Turns()
        self._places: Mapping[str, tuple[str, tuple[Endpoint, ...]]] = {}  # what each provider's name stands for

    def use(self, snapshot: Snapshot) -> None:
        """The configuration in use from now on: what it no longer holds, or what is elsewhere now, is forgotten."""
        places = {name: (provider.dialect, provider.endpoints) for name, provider in snapshot.providers.items()}
        same = {name for name, place in places.items() if self._places.get(name, place) == place}
        self._places = places
        index, written = index_of(snapshot), {str(target) for target in written_targets(snapshot)}

        def wanted(target: str) -> bool:
            return target.partition("/")[0] in same and (target in written or index.split(target) is not None)

        self.breakers.use(snapshot)
        self.last_used.use(snapshot)
        self.measured.use(snapshot, wanted)
        self.quotas.keep(wanted)
        self.turns.keep(wanted)
        self.throughputs.use(snapshot)

    # --- what happens ------------------------------------------------------------------------------------------------

    def decided(self, decided: Decided, now: float) -> None:
        self.in_flight.decided(decided, now)
        self.last_used.decided(decided, now)
        if isinstance(decided.outcome, Plan):
            self.turns.stood_first(str(decided.outcome.steps[0].target))

    def attempt(self, result: AttemptResult, now: float) -> None:
        self.in_flight.attempt(result, now)
        if result.target.provider in self._places:
            self.last_used.attempt(result, now)
            self.measured.attempt(result, now)
            self.quotas.attempt(result, now)

    def alive(self, record: Record, told: Known, now: float) -> None:
        self.in_flight.alive(record, told, now)

    def exchange(self, outcome: Outcome, now: float) -> None:
        self.in_flight.ended(outcome.request_id, now)
        self.measured.exchange(outcome, now)
        if outcome.target is not None and outcome.usage is not None:
            self.throughputs.produced(outcome.target.partition("/")[0], outcome.usage.output, now)

    def tick(self, now: float) -> None:
        self.in_flight.tick(now)

    # --- what it looks like ------------------------------------------------------------------------------------------

    def observations(self, now: float, snapshot: Snapshot) -> Observations:
        return Observations(View(self, now, snapshot), self.measured.outputs)


class View(Mapping[str, Observation]):
    """One moment's view of the snapshot's targets, each made when it is first asked for."""

    __slots__ = ("_board", "_made", "_now", "_snapshot")

    def __init__(self, board: Board, now: float, snapshot: Snapshot) -> None:
        self._board = board
        self._now = now
        self._snapshot = snapshot
        self._made: dict[str, Observation | None] = {}

    def __getitem__(self, target: str) -> Observation:
        seen = self._seen(target)
        if seen is None:
            raise KeyError(target)
        return seen

    def get(self, target: str, default: Any = None) -> Any:
        seen = self._seen(target)
        return default if seen is None else seen

    def __contains__(self, target: object) -> bool:
        return isinstance(target, str) and self._seen(target) is not None

    def __iter__(self) -> Iterator[str]:
        return (target for target in sorted(self._named()) if self._seen(target) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _named(self) -> set[str]:
        """All that anybody may have something to say of."""
        board = self._board
        named = set(board.breakers)
        named.update(board.measured, board.quotas, board.in_flight, board.turns)
        listed = (name for name, provider in self._snapshot.providers.items() if self._speaks(provider))
        for name in listed:
            named |= {
                f"{name}/{model.name}" for model in self._snapshot.providers[name].models if "*" not in model.name
            }
        return named

    def _speaks(self, provider: Provider) -> bool:
        """Whether all of its targets have something in common that is worth saying."""
        return self._board.probed.seen(provider.name) is not None or provider.by_the_hour is not None

    def _seen(self, target: str) -> Observation | None:
        try:
            return self._made[target]
        except KeyError:
            made = self._made[target] = self._make(target)
            return made

    def _make(self, target: str) -> Observation | None:
        board, now = self._board, self._now
        provider = self._snapshot.providers.get(target.partition("/")[0])
        if provider is None:
            return None
        record = board.measured.of(target)
        in_flight, turn = board.in_flight.of(target), board.turns.of(target)
        requests, tokens = board.quotas.left(target, "requests", now), board.quotas.left(target, "tokens", now)
        probe = board.probed.seen(provider.name)
        asleep = is_asleep(provider.by_the_hour, board.last_used.answered(provider.name), now)
        speed = board.throughputs.of(provider.name) if provider.by_the_hour is not None else None
        breaker = board.breakers.seen(target, now)
        if not (record or in_flight or turn or requests or tokens or probe or asleep or speed):
            return breaker
        record, probe = record or NO_RECORD, probe or NOBODY_LOOKED
        said = breaker or UNMEASURED
        return Observation(
            breaker=said.breaker,
            reopens_at=said.reopens_at,
            probes_left=said.probes_left,
            why=said.why,
            health=probe.health,
            health_why=probe.health_why,
            in_flight=in_flight,
            turn=turn,
            errors=_measure(record.errors),
            first_token={size: mean.measure for size, mean in record.first_token.items()},
            per_token=_first_fresh(_measure(record.per_token), _measure(record.per_token_estimated), now),
            latency_p95=_first_fresh(probe.latency_p95, record.first_tokens.p95, now),
            requests_left=requests,
            tokens_left=tokens,
            queue_depth=probe.queue_depth,
            tokens_per_second=_first_fresh(probe.tokens_per_second, speed, now),
            cached_share=_measure(record.cached),
            asleep=asleep,
        )


def _measure(mean: Decayed | None) -> Measure | None:
    return mean.measure if mean is not None else None


def _first_fresh(better: Measure | None, other: Measure | None, now: float) -> Measure | None:
    """The better witness, unless it has been silent for too long and the other has not."""
    return better if other is None or fresh(better, now) is not None else other
