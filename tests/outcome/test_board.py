"""The board as a whole: what happens goes in, and one view of targets comes out."""

from dataclasses import replace
from typing import Any

import pytest

from extproc import names
from extproc.decision.breaker import Breaker
from extproc.decision.plan import Measure, Observation, Observations, Plan, Step
from extproc.dialects.openai.usage import read_usage
from extproc.outcome.board import Board
from extproc.outcome.breakers import Breakers
from extproc.outcome.measured import LIMIT
from extproc.outcome.outcomes import Outcomes
from extproc.outcome.pending import Decided
from extproc.outcome.probed import ProbeView
from extproc.outcome.record import Record
from extproc.snapshot import ClusterSpec, Endpoint, Model, Snapshot, Target
from tests.outcome.samples import ANY, CLAUDE, SMALL, SNAPSHOT, attempt, exchange, provider

BIG = Target("lab", "big")
CLUSTER = ClusterSpec(cost_per_hour=1, wake_up=30.0, sleeps_after=600.0)
SLEEPY = replace(
    SNAPSHOT, providers={**SNAPSHOT.providers, "lab": replace(SNAPSHOT.providers["lab"], by_the_hour=CLUSTER)}
)


class Probes:
    """What somebody who looks would say."""

    def __init__(self, **seen: ProbeView) -> None:
        self._seen = seen

    def seen(self, provider: str) -> ProbeView | None:
        return self._seen.get(provider)


class Scene:
    """The board behind the room that feeds it."""

    def __init__(self, snapshot: Snapshot = SNAPSHOT, probed: Probes | None = None) -> None:
        self.now = 1000.0
        self.snapshot = snapshot
        self.bugs: list[BaseException] = []
        breakers = Breakers(Breaker)
        self.board = Board(breakers, probed)
        self.board.use(snapshot)
        self.outcomes = Outcomes(
            snapshot_of=lambda _: self.snapshot,
            usage_of=read_usage,
            clock=lambda: self.now,
            meter=self,
            on_bug=self.bugs.append,
            sinks=[lambda outcome: self.board.exchange(outcome, self.now)],
            attempt_listeners=[breakers.attempt, self.board.attempt],
            alive=self.board.alive,
        )

    def record(self, kind: str) -> None:
        """A meter's."""

    def records_lost(self, count: int) -> None:
        """A meter's."""

    def decided(self, *targets: Target, request_id: str = "r1") -> "Scene":
        plan = Plan(tuple(Step(target, "") for target in targets), "ordered", "", 60.0, False)
        decided = Decided("x1", request_id, "s1", "main", "chat", plan, None, 0.0)
        self.outcomes.decided(decided)
        self.board.decided(decided, self.now)
        return self

    def feed(self, *records: Record) -> "Scene":
        for record in records:
            self.outcomes.record(record)
        assert self.bugs == []
        return self

    def stream(self, first: float = 0.5, request_id: str = "r1", said: str = "", **rest: Any) -> "Scene":
        """One streamed answer of eleven tokens that lasts 1.5 s."""
        text = said or '{"prompt_tokens": 100, "completion_tokens": 11, "prompt_tokens_details": {"cached_tokens": 25}}'
        usage = {names.META_USAGE: {names.U_TEXT: text, names.U_FIRST_CHUNK_MS: first * 1000}}
        record = exchange(SMALL, metadata=usage, request_id=request_id, duration=1.5, told={names.M_STREAM: True})
        return self.feed(attempt(request_id=request_id, duration=1.5, **rest), record)

    @property
    def seen(self) -> Observations:
        return self.board.observations(self.now, self.snapshot)

    def of(self, target: Target = SMALL) -> Observation:
        return self.seen.of(target)


def test_nobody_has_anything_to_say_at_first() -> None:
    seen = Scene().seen
    assert dict(seen.targets) == {} and dict(seen.outputs) == {} and seen.of(SMALL) == Observation()
    assert "lab/small" not in seen.targets and seen.targets.get("x") is None and len(seen.targets) == 0
    with pytest.raises(KeyError):
        seen.targets["lab/small"]


def test_a_streamed_answer_is_measured() -> None:
    seen = Scene().decided(SMALL, CLAUDE).stream().of()
    assert seen.first_token == {0: Measure(pytest.approx(0.5), 1000.0)}
    assert seen.per_token == Measure(pytest.approx(0.1), 1000.0)
    assert seen.latency_p95 == Measure(pytest.approx(0.5), 1000.0)
    assert seen.errors == Measure(0.0, 1000.0) and seen.cached_share == Measure(0.25, 1000.0)
    assert (seen.turn, seen.in_flight, seen.breaker, seen.tokens_per_second) == (1, 0, "serving", None)


def test_answers_lengths_are_kept_by_route_and_target() -> None:
    seen, known = Scene().stream().seen, Measure(11, 1000.0)
    assert seen.output("main", SMALL) == known and list(seen.outputs) == ["main lab/small", "main */small", "main"]
    assert seen.output("other", SMALL) is None and seen.output("main", BIG) is None and len(seen.outputs) == 3
    assert seen.output_of_others("main", Target("elsewhere", "small")) == (known, known)
    assert seen.output_of_others("main", BIG) == (None, known) and seen.output_of_others("other", SMALL) == (None, None)


def test_an_estimate_teaches_no_length() -> None:
    """Nobody counted: a guess of ours must not come back as what was seen."""
    scene = Scene().stream(said="x")
    assert dict(scene.seen.outputs) == {} and scene.of().cached_share is None
    assert scene.of().errors == Measure(0.0, 1000.0)


def test_a_walk_blames_who_failed_and_measures_who_answered() -> None:
    scene = Scene().decided(SMALL, CLAUDE)
    scene.feed(attempt(SMALL, status=500))
    assert (scene.of().in_flight, scene.of(CLAUDE).in_flight) == (0, 1)
    assert scene.of().errors == Measure(1.0, 1000.0) and scene.of().first_token == {}
    scene.feed(attempt(CLAUDE, at=0.3), exchange(SMALL, CLAUDE))
    assert scene.of(CLAUDE).errors == Measure(0.0, 1000.0) and scene.of().errors == Measure(1.0, 1000.0)
    assert (scene.of().in_flight, scene.of(CLAUDE).in_flight) == (0, 0)
    assert (scene.of().turn, scene.of(CLAUDE).turn) == (1, 0)


NO_FAILURES = {
    "a caller that left": {"flags": ["downstream_connection_termination"]},
    "a caller's mistake": {"status": 400},
    "a rate limit": {"status": 429},
    "our own overflow": {"status": 0, "flags": ["upstream_overflow"]},
}


@pytest.mark.parametrize("how", NO_FAILURES)
def test_what_is_no_failure_of_the_target_teaches_nothing_wrong(how: str) -> None:
    said = NO_FAILURES[how]
    scene = Scene().decided(SMALL).feed(attempt(**said), exchange(SMALL, **said))
    seen = scene.of()
    assert seen.errors is None and seen.first_token == {} and seen.per_token is None and seen.in_flight == 0


def test_an_answer_that_failed_behind_its_beginning_is_a_failure_once() -> None:
    usage = {names.META_USAGE: {names.U_FAILED: "upstream_error"}}
    seen = Scene().feed(attempt(), exchange(SMALL, metadata=usage)).of()
    assert seen.errors == Measure(1.0, 1000.0, 1)


def test_what_headers_say_of_limits_is_as_old_as_its_headers() -> None:
    """The record of a stream comes with its end, its headers came with its beginning."""
    headers = {"x-ratelimit-remaining-requests": "7", "x-ratelimit-limit-requests": "60"}
    scene = Scene()
    scene.stream(response_headers=headers, first_upstream_byte=0.5)
    assert scene.of().requests_left == Measure(7, 999.0) and scene.of().tokens_left is None
    newer = {"x-ratelimit-remaining-requests": "3"}
    scene.feed(attempt(request_id="r2", duration=0.1, first_upstream_byte=0.1, response_headers=newer))
    scene.feed(exchange(SMALL, request_id="r2"))
    scene.now += 0.1
    scene.stream(request_id="r3", response_headers=headers, first_upstream_byte=0.5)
    assert scene.of().requests_left == Measure(3, 1000.0)


def test_no_requests_left_shuts_nobody() -> None:
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "10s"}
    scene = Scene()
    scene.stream(response_headers=headers, first_upstream_byte=0.5)
    assert scene.of().requests_left == Measure(0, 1000.0) and scene.of().breaker == "serving"
    scene.now += 10
    assert scene.of().requests_left is None


def test_a_cluster_that_was_never_used_or_not_for_long_sleeps() -> None:
    scene = Scene(SLEEPY)
    assert scene.of().asleep and scene.of(BIG).asleep and not scene.of(CLAUDE).asleep
    scene.feed(attempt(status=0, flags=["upstream_connection_failure"]), exchange(SMALL, status=503, details="x"))
    assert scene.of().asleep, "who cannot be reached is not awake"
    scene.stream(request_id="r2")
    assert not scene.of().asleep and not scene.of(BIG).asleep
    scene.now += CLUSTER.sleeps_after + 0.1
    assert scene.of().asleep


def test_a_cluster_makes_tokens_in_its_busy_time() -> None:
    scene = Scene(SLEEPY).decided(SMALL)
    scene.now += 1.5
    scene.stream()
    assert scene.of().tokens_per_second == Measure(pytest.approx(11 / 1.5, rel=0.01), 1001.5)
    assert scene.of(BIG).tokens_per_second == scene.of().tokens_per_second, "a cluster is one"
    assert Scene().decided(CLAUDE).of(CLAUDE).tokens_per_second is None


def test_probes_and_passive_measures_join() -> None:
    view = ProbeView("shut", "3 probes in a row", Measure(4, 999.0), Measure(50, 999.0), Measure(2.0, 100.0))
    scene = Scene(probed=Probes(lab=view)).stream()
    seen = scene.of()
    assert (seen.health, seen.health_why, seen.queue_depth) == ("shut", "3 probes in a row", Measure(4, 999.0))
    assert seen.tokens_per_second == Measure(50, 999.0)
    assert seen.latency_p95 == Measure(pytest.approx(0.5), 1000.0), "what a probe said long ago is not preferred"
    assert scene.of(BIG).health == "shut" and scene.of(CLAUDE).health == "unknown"
    assert sorted(scene.seen.targets) == ["lab/big", "lab/small"]


def test_a_breaker_and_measures_join() -> None:
    scene = Scene().stream()
    for number in range(5):
        scene.feed(attempt(request_id=f"b{number}", status=500), exchange(SMALL, request_id=f"b{number}", status=500))
    seen = scene.of()
    assert (seen.breaker, seen.reopens_at, seen.why) == ("shut", 1060.0, "5 failures in a row")
    assert seen.errors is not None and seen.errors.value == pytest.approx(5 / 6) and 0 in seen.first_token
    scene.now = 1060.0
    assert (scene.of().breaker, scene.of().probes_left) == ("probing", 3)


def test_an_unmeasured_model_stays_so_beside_a_measured_one() -> None:
    """Latency is a model's."""
    assert Scene().stream().of(BIG) == Observation()


def test_a_view_is_of_one_moment() -> None:
    """However often a decision asks, a target looks the same."""
    scene = Scene().stream()
    view = scene.seen
    before = view.of(SMALL)
    scene.decided(SMALL, request_id="r9")
    assert view.of(SMALL) is before and scene.of().in_flight == 1


def test_a_reload_forgets_what_left_or_is_elsewhere_now() -> None:
    scene = Scene().stream().feed(attempt(CLAUDE, request_id="c"), exchange(CLAUDE, request_id="c"))
    scene.feed(attempt(ANY, request_id="a"), exchange(ANY, request_id="a"))
    assert sorted(scene.seen.targets) == ["anthropic/claude-3-haiku", "lab/small", "open/whatever"]
    moved = replace(SNAPSHOT.providers["anthropic"], endpoints=(Endpoint("https", "elsewhere.example", 443),))
    scene.snapshot = replace(
        SNAPSHOT, providers={"lab": provider("lab", Model("big")), "anthropic": moved}, aliases={"smart": (ANY,)}
    )
    scene.board.use(scene.snapshot)
    assert dict(scene.seen.targets) == {} and list(scene.seen.outputs) == ["main */small", "main"]
    scene.board.use(replace(scene.snapshot, routes=()))
    assert dict(scene.seen.outputs) == {}
    scene.board.use(scene.snapshot)
    scene.feed(attempt(ANY, request_id="late", status=500), exchange(ANY, request_id="late", status=500))
    assert dict(scene.seen.targets) == {} and len(scene.board.measured) == 0, "what left is not learnt anew"


def test_a_reload_keeps_the_rest_and_who_is_in_flight() -> None:
    scene = Scene().stream().decided(SMALL, request_id="r2")
    before = scene.of()
    scene.board.use(replace(SNAPSHOT, id="s2"))
    assert scene.of() == before and before.in_flight == 1


def test_names_that_callers_think_of_are_bounded() -> None:
    scene = Scene()
    for number in range(LIMIT + 50):
        target, request = Target("open", f"m{number}"), f"r{number}"
        headers = {"x-ratelimit-remaining-requests": "1"}
        scene.decided(target, request_id=request)
        scene.feed(attempt(target, request_id=request, response_headers=headers), exchange(target, request_id=request))
    assert len(scene.seen.targets) == LIMIT and scene.of(Target("open", "m0")) == Observation()
    assert scene.of(Target("open", f"m{LIMIT + 49}")).requests_left == Measure(1, pytest.approx(999.76))


def test_an_old_word_of_an_ended_exchange_opens_nothing() -> None:
    scene = Scene().decided(SMALL).stream()
    scene.feed(replace(exchange(SMALL), final=False))
    assert scene.of().in_flight == 0
    scene.feed(replace(exchange(SMALL, CLAUDE, request_id="r2"), final=False))
    assert scene.of(CLAUDE).in_flight == 1, "one that we do not know is taken up where it is"
