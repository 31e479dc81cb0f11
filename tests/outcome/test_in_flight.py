"""How many exchanges each target has: never below zero, and nothing left when all are over."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from extproc.decision.plan import Plan, Step
from extproc.outcome.classify import AttemptResult, Kind
from extproc.outcome.in_flight import FIRST_WORD, SILENCE, InFlight
from extproc.outcome.known import Known, parse_target
from extproc.outcome.pending import Decided
from extproc.outcome.record import Record
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Target

A, B, C = Target("one", "a"), Target("one", "b"), Target("two", "c")
REFUSED = Refusal(Reason.UNSUPPORTED_PARAMETER, "it cannot be told")


class Busy:
    """Asserts that it is told in turn."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.heard: list[tuple[str, str, float]] = []

    def began(self, provider: str, now: float) -> None:
        assert provider not in self.open
        self.open.add(provider)
        self.heard.append(("began", provider, now))

    def ended(self, provider: str, now: float) -> None:
        self.open.remove(provider)
        self.heard.append(("ended", provider, now))


def made(**limits: Any) -> tuple[InFlight, Busy]:
    busy = Busy()
    return InFlight(busy, **limits), busy


def decided(*targets: Target, request_id: str = "r1") -> Decided:
    plan = Plan(tuple(Step(target, "") for target in targets), "ordered", "", 60.0, False) if targets else REFUSED
    return Decided("x" + request_id, request_id, "s1", "main", "chat", plan, None, 0.0)


def ended(number: int, kind: Kind, request_id: str = "r1", target: Target = A) -> AttemptResult:
    return AttemptResult(request_id, number, target, kind, 0, "")


def periodic(attempt: int, request_id: str = "r1") -> Record:
    return Record("exchange", request_id, False, 0, attempt=attempt)


def counts(of: InFlight) -> dict[str, int]:
    return {target: of.of(target) for target in of}


def test_a_burst_is_counted_from_the_decisions_on() -> None:
    board, _ = made()
    for number in range(5):
        board.decided(decided(A, B, request_id=f"r{number}"), 0.0)
    assert counts(board) == {"one/a": 5}


def test_an_exchange_goes_along_its_plan() -> None:
    board, busy = made()
    board.decided(decided(A, B, C), 0.0)
    board.attempt(ended(1, "failure"), 1.0)
    assert counts(board) == {"one/b": 1} and busy.heard == [("began", "one", 0.0)]
    board.attempt(ended(2, "rate_limited"), 2.0)
    assert counts(board) == {"two/c": 1} and busy.open == {"two"}
    board.attempt(ended(3, "ok"), 3.0)
    assert counts(board) == {} and busy.open == set() and len(board) == 1
    board.ended("r1", 3.0)
    assert len(board) == 0


def test_records_out_of_order_and_twice_change_nothing() -> None:
    board, _ = made()
    board.decided(decided(A, B, C), 0.0)
    board.attempt(ended(2, "failure"), 1.0)
    board.attempt(ended(1, "failure"), 1.0)
    board.attempt(ended(2, "failure"), 1.0)
    assert counts(board) == {"two/c": 1}
    board.ended("r1", 2.0)
    board.ended("r1", 2.0)
    board.attempt(ended(3, "ok"), 2.0)
    assert counts(board) == {} and len(board) == 0


def test_a_refusal_counts_nowhere() -> None:
    board, _ = made()
    board.decided(decided(), 0.0)
    board.decided(decided(A, request_id=""), 0.0)
    assert counts(board) == {} and len(board) == 0


def test_whoever_is_not_heard_of_is_forgotten_and_whoever_is_stays() -> None:
    """Envoy tells of each open exchange; one whose record was lost is told of no more."""
    board, _ = made()
    board.decided(decided(A), 0.0)
    board.decided(decided(B, request_id="r2"), 0.0)
    for now in (10.0, 20.0, 30.0, 40.0):
        board.alive(periodic(1, "r2"), Known(), now)
        board.tick(now)
    assert counts(board) == {"one/b": 1}
    board.tick(40.0 + SILENCE)
    assert counts(board) == {} and len(board) == 0


def test_one_of_which_no_word_ever_comes_is_told_to_another_processor() -> None:
    """It must not be counted for long: whoever shares the work would look far busier than it is."""
    board, _ = made()
    board.decided(decided(A), 0.0)
    board.decided(decided(B, request_id="r2"), 0.0)
    board.alive(periodic(1, "r2"), Known(), 10.0)
    board.tick(FIRST_WORD)
    assert counts(board) == {"one/b": 1}
    board.tick(10.0 + SILENCE)
    assert counts(board) == {} and len(board) == 0


def test_an_open_exchange_that_is_not_known_is_taken_up_where_it_is() -> None:
    board, _ = made()
    board.alive(periodic(2), Known(targets=(A, C)), 0.0)
    assert counts(board) == {"two/c": 1}
    board.alive(periodic(0, "service"), Known(), 0.0)
    board.alive(periodic(1, ""), Known(targets=(A,)), 0.0)
    assert len(board) == 1
    board.ended("r1", 1.0)
    assert counts(board) == {}


def test_memory_is_bounded() -> None:
    board, _ = made(limit=3)
    for number in range(10):
        board.decided(decided(A, request_id=f"r{number}"), float(number))
    assert counts(board) == {"one/a": 3} and len(board) == 3


def test_an_id_that_comes_again_is_another_exchange() -> None:
    board, _ = made()
    board.decided(decided(A), 0.0)
    board.decided(decided(C), 1.0)
    assert counts(board) == {"two/c": 1}


IDS = st.sampled_from(["r1", "r2", "r3", "r4", ""])
TARGETS = st.sampled_from([A, B, C])
KINDS = st.sampled_from(["ok", "failure", "rate_limited", "caller_error", "sink", "cancelled"])
EVENTS = st.one_of(
    st.tuples(st.just("decided"), IDS, st.lists(TARGETS, unique=True, max_size=3)),
    st.tuples(st.just("attempt"), IDS, st.integers(1, 4), KINDS),
    st.tuples(st.just("alive"), IDS, st.integers(0, 4), st.lists(TARGETS, unique=True, max_size=3)),
    st.tuples(st.just("ended"), IDS),
    st.tuples(st.just("tick"), st.floats(0, 50)),
)


@given(st.lists(EVENTS, max_size=60), st.integers(1, 4))
def test_whatever_comes_and_in_whatever_order_no_count_is_wrong(events: list[tuple[Any, ...]], limit: int) -> None:
    """Lost, doubled and misplaced events alike: each count is of as many open exchanges, and none outlives them."""
    board, busy = made(limit=limit)
    now = 0.0
    for event in events:
        now += 0.5
        match event:
            case ("decided", request_id, targets):
                board.decided(decided(*targets, request_id=request_id), now)
            case ("attempt", request_id, number, kind):
                board.attempt(ended(number, kind, request_id), now)
            case ("alive", request_id, attempt, targets):
                board.alive(periodic(attempt, request_id), Known(targets=tuple(targets)), now)
            case ("ended", request_id):
                board.ended(request_id, now)
            case ("tick", passed):
                now += passed
                board.tick(now)
        assert all(count > 0 for count in counts(board).values())
        assert sum(counts(board).values()) <= len(board) <= limit
        assert busy.open == {str(parse_target(target).provider) for target in board}  # type: ignore[union-attr]
    board.tick(now + 2 * SILENCE)
    assert len(board) == 0 and counts(board) == {} and busy.open == set()
