"""The whole room: records in, outcomes and attempt results out."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc import names
from extproc.decision.plan import Plan, Step
from extproc.facts.request import CallerFacts, Facts
from extproc.observe.outcome import Outcome
from extproc.outcome.classify import AttemptResult
from extproc.outcome.outcomes import Outcomes
from extproc.outcome.pending import SILENCE, Decided, Pending
from extproc.outcome.record import Record
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Snapshot, Target
from tests.outcome.samples import CLAUDE, SMALL, SNAPSHOT, attempt, exchange

BIG = Target("lab", "big")


class Room:
    """Outcomes with everything around it written down."""

    def __init__(
        self,
        snapshot: Snapshot | None = SNAPSHOT,
        limit: int = 100,
        failing: Sequence[Callable[[Outcome], None]] = (),
    ) -> None:
        self.now = 1000.0
        self.outcomes: list[Outcome] = []
        self.results: list[AttemptResult] = []
        self.released: list[str] = []
        self.records: list[str] = []
        self.lost = 0
        self.bugs: list[BaseException] = []
        self.room = Outcomes(
            snapshot_of=lambda snapshot_id: snapshot if snapshot_id == "s1" else None,
            usage_of=lambda text: None,
            clock=lambda: self.now,
            meter=self,
            on_bug=self.bugs.append,
            sinks=[*failing, self.outcomes.append],
            attempt_listeners=[lambda result, now: self.results.append(result)],
            release=lambda exchange_id, now: self.released.append(exchange_id),
            limit=limit,
        )

    def record(self, kind: str) -> None:
        self.records.append(kind)

    def records_lost(self, count: int) -> None:
        self.lost += count

    def feed(self, *records: Record) -> "Room":
        for record in records:
            self.room.record(record)
        return self

    def heard(self) -> list[tuple[int, str, str]]:
        return [(result.number, str(result.target), result.kind) for result in self.results]


def decided(*targets: Target, request_id: str = "r1", refusal: Refusal | None = None) -> Decided:
    steps = tuple(Step(target, "it stands here") for target in targets)
    return Decided(
        exchange_id="x1",
        request_id=request_id,
        snapshot_id="s1",
        route="main",
        endpoint="chat",
        facts=Facts("main", "chat", "chat", model="smart", input_tokens=12, caller=CallerFacts("ci")),
        outcome=refusal or Plan(steps, "ordered", "it is the first", 60.0, False),
        took=0.0003,
    )


REFUSED = attempt(SMALL, status=0, flags=["upstream_connection_failure"])


def test_breakers_learn_at_once_where_the_router_phase_told_us() -> None:
    """Before the exchange ends, and not again when it does."""
    room = Room()
    room.room.decided(decided(SMALL, CLAUDE))
    room.feed(REFUSED)
    assert room.heard() == [(1, "lab/small", "failure")] and room.outcomes == []
    room.feed(attempt(CLAUDE, at=1), exchange(SMALL, CLAUDE))
    assert room.heard() == [(1, "lab/small", "failure"), (2, "anthropic/claude-3-haiku", "ok")]
    assert len(room.outcomes) == 1 and room.released == ["x1"] and room.records == ["attempt", "attempt", "exchange"]


def test_everything_works_from_the_metadata_alone() -> None:
    """Another worker decided, or we were started in between."""
    room = Room().feed(exchange(SMALL, CLAUDE), attempt(CLAUDE, at=1), REFUSED)
    assert room.heard() == [(1, "lab/small", "failure"), (2, "anthropic/claude-3-haiku", "ok")]
    [outcome] = room.outcomes
    assert (outcome.id, outcome.target, len(outcome.attempts)) == ("x1", "anthropic/claude-3-haiku", 2)


def test_everything_works_without_metadata_too() -> None:
    """The router phase's word stands in."""
    room = Room()
    room.room.decided(decided(SMALL))
    room.feed(attempt(SMALL), exchange(SMALL, metadata={names.META: {}}, response_bytes=40))
    [outcome] = room.outcomes
    assert (outcome.id, outcome.target, outcome.model, outcome.caller) == ("x1", "lab/small", "smart", "ci")
    assert outcome.reason == "it is the first" and outcome.usage is not None and outcome.usage.estimated


def test_a_refusal_of_the_router_phase_is_told() -> None:
    """Without metadata the reason comes from what was decided."""
    room = Room()
    room.room.decided(decided(refusal=Refusal(Reason.MODEL_NOT_FOUND, "no")))
    room.feed(exchange(metadata={names.META: {}}, status=404, details="x"))
    assert room.outcomes[0].refusal == "model_not_found" and room.outcomes[0].attempts == ()


def test_a_refusal_before_anything_was_read_is_told() -> None:
    """Nothing is known but where it came in."""
    room = Room()
    refused = Refusal(Reason.CALLER_NOT_LOCAL, "no")
    room.room.decided(replace(decided(refusal=refused), facts=None))
    room.feed(exchange(metadata={names.META: {}}, status=403, details="x"))
    [outcome] = room.outcomes
    assert (outcome.refusal, outcome.route, outcome.endpoint) == ("caller_not_local", "main", "chat")
    assert outcome.caller is None and outcome.model is None


def test_two_models_of_one_provider_are_told_apart_by_their_order() -> None:
    """Both attempts name the same cluster."""
    room = Room()
    room.room.decided(decided(SMALL, BIG))
    room.feed(attempt(SMALL, status=500), attempt(BIG, at=1), exchange(SMALL, BIG))
    assert room.heard() == [(1, "lab/small", "failure"), (2, "lab/big", "ok")]


def test_a_lost_attempt_is_read_from_the_exchange() -> None:
    """The last one's end is the exchange's end; breakers learn it, once."""
    room = Room().feed(exchange(SMALL, status=500))
    assert room.outcomes == []
    room.room.tick(room.now + 1.0)
    assert room.heard() == [(1, "lab/small", "failure")] and room.lost == 1
    room.feed(attempt(SMALL, status=500))
    assert len(room.results) == 1 and len(room.outcomes) == 1


def test_no_host_is_learnt_though_no_attempt_is_written() -> None:
    """Envoy counts the attempt and writes no record of it."""
    record = exchange(
        SMALL, status=503, details="no_healthy_upstream", flags=["no_healthy_upstream"], remote_address=""
    )
    room = Room().feed(record)
    assert room.heard() == [(1, "lab/small", "sink")]
    assert room.outcomes[0].target is None and room.outcomes[0].refusal == "no_target_available"


def test_a_client_that_left_is_heard_before_its_attempt() -> None:
    """Envoy writes the exchange first then; both are joined."""
    gone = exchange(SMALL, flags=["downstream_connection_termination"], details="downstream_remote_disconnect")
    room = Room().feed(gone, attempt(SMALL))
    assert room.outcomes[0].client_left and room.outcomes[0].lost_records == 0


def test_an_attempt_outside_the_plan_teaches_nobody() -> None:
    """The default group's cluster, or a mirror's, is no target's."""
    room = Room()
    room.room.decided(decided(SMALL))
    room.feed(attempt(CLAUDE, status=500))
    assert room.results == []


def test_a_snapshot_that_is_gone_leaves_the_order() -> None:
    """Clusters cannot be looked up, so attempts stand in the order in which they came."""
    room = Room(snapshot=None).feed(REFUSED, attempt(CLAUDE, at=1), exchange(SMALL, CLAUDE))
    assert room.heard() == [(1, "lab/small", "failure"), (2, "anthropic/claude-3-haiku", "ok")]
    assert room.outcomes[0].cost is None


def test_a_sink_that_fails_stops_nobody() -> None:
    """It is a bug of ours, and told as one."""
    bug = RuntimeError("disk full")

    def fail(outcome: Outcome) -> None:
        raise bug

    room = Room(failing=[fail])
    room.feed(exchange(SMALL), attempt(SMALL))
    assert room.bugs == [bug] and len(room.outcomes) == 1 and room.released == ["x1"]


def test_service_exchanges_come_out_without_targets() -> None:
    """Their attempts are nobody's targets, and nobody waits for a plan."""
    record = exchange(SMALL, metadata={names.META: {}}, route_name=names.route_key("s1", "files", "service"))
    room = Room().feed(attempt(SMALL), record)
    assert room.outcomes[0].endpoint == "service" and room.results == [] and room.released == []


def test_what_is_pending_is_bounded_and_its_probes_are_released() -> None:
    """The oldest goes out."""
    room = Room(limit=2)
    for index in range(3):
        room.room.decided(decided(SMALL, request_id=f"r{index}"))
    assert room.released == ["x1"]


def test_pending_forgets_the_oldest() -> None:
    """And a decision that is told twice counts once."""
    pending = Pending(limit=2)
    first, second, third = (decided(SMALL, request_id=f"r{index}") for index in range(3))
    assert [pending.decided(one, 1.0) for one in (first, first, second)] == [None, None, None]
    assert pending.decided(third, 1.0) == first
    assert (pending.of("r0"), pending.of("r2"), len(pending)) == (None, third, 2)
    assert pending.forget("r2") == third and pending.forget("r2") is None


def test_what_another_processor_is_told_of_is_forgotten_here_and_counts_as_nothing() -> None:
    """With several processors the one that decides is seldom the one that hears how it ended."""
    room = Room()
    room.room.decided(decided(SMALL, request_id="r1"))
    room.room.decided(decided(SMALL, request_id="r2"))
    for later in (20.0, 40.0):
        room.room.tick(room.now + later)
    assert room.released == []
    room.now += 30.0
    room.feed(replace(exchange(SMALL, request_id="r2"), final=False))
    room.room.tick(room.now - 30.0 + SILENCE)
    assert room.released == ["x1"]
    room.room.tick(room.now + SILENCE)
    assert len(room.released) == 2
    assert (room.outcomes, room.results, room.lost, room.bugs) == ([], [], 0, [])


def test_what_another_processor_decided_is_settled_here_whole() -> None:
    """Its record says all that the decision was."""
    first = Room()
    first.room.decided(decided(SMALL))
    first.feed(attempt(SMALL), exchange(SMALL))
    second = Room().feed(attempt(SMALL), exchange(SMALL))
    assert [(one.target, one.attempts, one.cost, one.lost_records) for one in second.outcomes] == [
        (one.target, one.attempts, one.cost, one.lost_records) for one in first.outcomes
    ]
    assert second.heard() == first.heard()


@given(st.permutations([0, 1, 2, 3, 4, 5]), st.booleans())
@pytest.mark.parametrize("twice", [False, True])
def test_breakers_hear_each_attempt_once_in_any_order(twice: bool, order: list[int], told: bool) -> None:
    """Whatever the order and the duplicates, with and without the router phase."""
    first, second, last = REFUSED, attempt(CLAUDE, at=1), exchange(SMALL, CLAUDE)
    records = [first, second, last, *([first, second, last] if twice else [])]
    room = Room()
    if told:
        room.room.decided(decided(SMALL, CLAUDE))
    room.feed(*(records[index] for index in order if index < len(records)))
    room.room.tick(room.now + 5)
    assert sorted(room.heard()) == [(1, "lab/small", "failure"), (2, "anthropic/claude-3-haiku", "ok")]
    assert len(room.outcomes) == 1 and room.bugs == []


def test_the_record_of_a_shadow_is_none_of_the_exchanges() -> None:
    """It bears the exchange's id, and must not stand in for the record of a real attempt."""
    room = Room()
    room.room.decided(decided(SMALL))
    real = attempt()
    room.feed(replace(real, cluster=real.cluster + names.SHADOW_SUFFIX, status=500), exchange(SMALL))
    assert (room.outcomes, room.results) == ([], [])
    room.feed(real)
    assert [len(outcome.attempts) for outcome in room.outcomes] == [1]
    assert room.heard() == [(1, str(SMALL), "ok")]
    assert room.records == ["shadow", "exchange", "attempt"]
