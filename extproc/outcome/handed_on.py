"""What one worker knows of all targets, as a value that another begins with.

Law: moments are of the clock that all processes of a machine share. What was only on its way (decisions whose exchanges
are still open, records that wait for each other) is not in it: it is found again in the exchange's own record.
"""

from dataclasses import dataclass, field
from typing import Any

from extproc.decision.breaker import Breaker
from extproc.decision.decayed import Decayed
from extproc.decision.quota import Quota
from extproc.decision.throughput import Throughput
from extproc.decision.track_record import TrackRecord
from extproc.outcome.board import Board
from extproc.outcome.in_flight import OpenWalk
from extproc.snapshot import Snapshot, Target


@dataclass(frozen=True, slots=True)
class Knowledge:
    breakers: list[tuple[Target, Breaker]] = field(default_factory=list)
    records: dict[str, TrackRecord] = field(default_factory=dict)
    outputs: dict[str, Decayed] = field(default_factory=dict)
    quotas: dict[str, dict[str, Quota]] = field(default_factory=dict)
    used: dict[str, float] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)
    throughputs: dict[str, Throughput] = field(default_factory=dict)
    open: list[OpenWalk] = field(default_factory=list)


def knowledge_of(board: Board) -> Knowledge:
    records, outputs = board.measured.all()
    used, answered = board.last_used.all()
    breakers: dict[Target, Any] = board.breakers.held()
    return Knowledge(
        breakers=list(breakers.items()),
        records=records,
        outputs=outputs,
        quotas=board.quotas.all(),
        used=used,
        answered=answered,
        turns=board.turns.all(),
        throughputs=board.throughputs.all(),
        open=board.in_flight.all(),
    )


def begin_with(board: Board, known: Knowledge, snapshot: Snapshot, now: float) -> None:
    """And what the configuration does not hold is forgotten again."""
    board.breakers.inherit(dict(known.breakers))
    board.measured.inherit(known.records, known.outputs)
    board.quotas.inherit(known.quotas)
    board.last_used.inherit(known.used, known.answered)
    board.turns.inherit(known.turns)
    board.in_flight.inherit(known.open, now)
    board.throughputs.inherit(known.throughputs)
    board.use(snapshot)
