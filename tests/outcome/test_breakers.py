"""The board: attempts in, observations out, probes given back."""

from dataclasses import replace

import pytest

from extproc.decision.breaker import Breaker
from extproc.decision.plan import Observation
from extproc.outcome.breakers import Breakers
from extproc.outcome.classify import AttemptResult, Kind, classify
from extproc.snapshot import BreakerSpec, Target
from tests.outcome.samples import CLAUDE, SMALL, SNAPSHOT, attempt


def board(limit: int = 100) -> Breakers:
    made = Breakers(Breaker, limit)
    made.use(SNAPSHOT)
    return made


def result(kind: Kind, target: Target = SMALL, retry_after: float | None = None) -> AttemptResult:
    return replace(classify(attempt(target), target, 1), kind=kind, retry_after=retry_after)


def shut(target: Target = SMALL, at: float = 0.0, made: Breakers | None = None) -> Breakers:
    made = board() if made is None else made
    for _ in range(5):
        made.attempt(result("failure", target), at)
    return made


def seen(of: Breakers, now: float) -> dict[str, Observation]:
    """Without the words for people, which are the machine's own."""
    return {target: replace(said, why="") for target, said in of.observations(now, SNAPSHOT).targets.items()}


@pytest.mark.parametrize("kind", ["failure", "sink"])
def test_failures_and_missing_hosts_shut_a_target(kind: Kind) -> None:
    """Only that one, and only at the threshold of its provider."""
    made = board()
    for _ in range(4):
        made.attempt(result(kind), 0.0)
    assert seen(made, 0.0) == {}
    made.attempt(result(kind), 0.0)
    assert seen(made, 1.0) == {"lab/small": Observation("shut", 60.0)}


@pytest.mark.parametrize("kind", ["caller_error", "cancelled", "ok"])
def test_what_proves_nothing_bad_leaves_no_entry(kind: Kind) -> None:
    """Healthy targets take no memory."""
    made = board()
    made.attempt(result(kind), 0.0)
    assert len(made) == 0 and seen(made, 0.0) == {}


@pytest.mark.parametrize("kind", ["caller_error", "cancelled"])
def test_callers_mistakes_and_lost_clients_do_not_heal_either(kind: Kind) -> None:
    """Four failures, one of those, and one failure more: shut."""
    made = board()
    for _ in range(4):
        made.attempt(result("failure"), 0.0)
    made.attempt(result(kind), 0.0)
    made.attempt(result("failure"), 0.0)
    assert seen(made, 0.0)["lab/small"].breaker == "shut"


def test_a_success_between_failures_heals() -> None:
    """Failures count in a row; what has healed is forgotten."""
    made = board()
    for _ in range(4):
        made.attempt(result("failure"), 0.0)
    made.attempt(result("ok"), 0.0)
    assert len(made) == 0


def test_a_limit_takes_the_target_out_for_as_long_as_it_says() -> None:
    """Retry-After of the provider, from the moment it was heard."""
    made = board()
    made.attempt(result("rate_limited", retry_after=7.0), 100.0)
    assert seen(made, 100.0) == {"lab/small": Observation("shut", 107.0)}


def test_probes_are_counted_while_their_exchanges_run() -> None:
    """Each exchange takes one, once, and gives it back when it ends without having proved anything."""
    made = shut()
    assert seen(made, 60.0)["lab/small"].probes_left == 3
    made.reserve(SMALL, "x1", 60.0)
    made.reserve(SMALL, "x1", 60.0)
    made.reserve(SMALL, "x2", 60.0)
    assert seen(made, 61.0)["lab/small"].probes_left == 1
    made.attempt(result("cancelled"), 61.0)
    made.release("x1", 62.0)
    made.release("x1", 62.0)
    assert seen(made, 62.0)["lab/small"].probes_left == 2


def test_one_good_probe_closes_the_breaker() -> None:
    """And the others' probes need not be given back any more."""
    made = shut()
    made.reserve(SMALL, "x1", 60.0)
    made.reserve(SMALL, "x2", 60.0)
    made.attempt(result("ok"), 61.0)
    assert len(made) == 0
    made.release("x1", 62.0)
    made.release("x2", 62.0)
    assert len(made) == 0 and seen(made, 62.0) == {}


def test_a_failed_probe_shuts_it_again_and_counts_anew() -> None:
    """An exchange of the last round does not give back a probe of the next."""
    made = shut()
    made.reserve(SMALL, "x1", 60.0)
    made.attempt(result("failure"), 61.0)
    assert seen(made, 61.0)["lab/small"] == Observation("shut", 121.0)
    made.reserve(SMALL, "x2", 121.0)
    made.release("x1", 122.0)
    assert seen(made, 122.0)["lab/small"].probes_left == 2


def test_nothing_is_reserved_of_a_target_that_is_not_probed() -> None:
    """Serving ones need no probe, shut ones give none."""
    made = shut()
    made.reserve(SMALL, "x1", 10.0)
    made.reserve(CLAUDE, "x1", 10.0)
    assert seen(made, 60.0)["lab/small"].probes_left == 3 and len(made) == 1


def test_a_probe_whose_exchange_was_lost_frees_itself() -> None:
    """And its late end frees nobody else's."""
    made = shut()
    made.reserve(SMALL, "x1", 60.0)
    made.reserve(SMALL, "x2", 100.0)
    assert seen(made, 119.0)["lab/small"].probes_left == 1
    assert seen(made, 120.0)["lab/small"].probes_left == 2
    made.release("x1", 121.0)
    assert seen(made, 121.0)["lab/small"].probes_left == 2
    made.reserve(SMALL, "x3", 121.0)
    made.release("x2", 122.0)
    assert seen(made, 122.0)["lab/small"].probes_left == 2


def test_a_probe_that_meets_a_limit_frees_one() -> None:
    """The others stay out until their exchanges end."""
    made = shut()
    made.reserve(SMALL, "x1", 60.0)
    made.reserve(SMALL, "x2", 60.0)
    made.attempt(result("rate_limited", retry_after=5.0), 61.0)
    assert seen(made, 61.0)["lab/small"].breaker == "shut"
    assert seen(made, 66.0)["lab/small"].probes_left == 2
    made.release("x1", 67.0)
    made.release("x2", 67.0)
    assert seen(made, 67.0)["lab/small"].probes_left == 3


def test_targets_of_providers_that_left_are_dropped() -> None:
    """Those that stayed as they were keep their state."""
    made = shut(CLAUDE, made=shut(SMALL))
    made.reserve(SMALL, "x1", 60.0)
    providers = {name: provider for name, provider in SNAPSHOT.providers.items() if name != "lab"}
    made.use(replace(SNAPSHOT, id="s2", providers=providers))
    assert set(seen(made, 1.0)) == {"anthropic/claude-3-haiku"}
    made.release("x1", 61.0)
    made.attempt(result("failure"), 61.0)
    assert len(made) == 1


def test_a_target_whose_settings_changed_begins_anew() -> None:
    """A threshold that somebody raised holds from now on."""
    made = shut()
    lab = replace(SNAPSHOT.providers["lab"], breaker=BreakerSpec(failure_threshold=50))
    made.use(replace(SNAPSHOT, id="s2", providers={**SNAPSHOT.providers, "lab": lab}))
    assert len(made) == 0


def test_an_exchange_of_an_older_snapshot_sees_its_own_providers_and_spoils_nothing() -> None:
    """Both run side by side for a while."""
    made = shut(CLAUDE, made=shut(SMALL))
    older = replace(SNAPSHOT, id="s0", providers={"lab": SNAPSHOT.providers["lab"]})
    assert set(made.observations(1.0, older).targets) == {"lab/small"}
    assert set(seen(made, 1.0)) == {"lab/small", "anthropic/claude-3-haiku"}


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    """Names that a caller invents push out each other."""
    made = shut(SMALL, made=board(limit=3))
    made.reserve(SMALL, "x1", 60.0)
    for index in range(5):
        made.attempt(result("failure", Target("open", f"invented-{index}")), 61.0)
    assert len(made) == 3 and "lab/small" not in seen(made, 61.0)
    made.release("x1", 62.0)
    assert len(made) == 3
