"""`round_robin`, `least_connections`, `token_balance`."""

import math

import pytest

from extproc.decision.plan import Observation
from extproc.snapshot import StrategySpec
from tests.decision.measured import api, codes, names, ranked, score, seen, why
from tests.decision.samples import reasons

A, B, C = api("openai", 1), api("anthropic", 1), api("ollama", 1)


def left(tokens: float | None, requests: float | None = None, ago: float = 0.0, in_flight: int = 0) -> Observation:
    return Observation(
        in_flight=in_flight,
        tokens_left=None if tokens is None else seen(tokens, ago),
        requests_left=None if requests is None else seen(requests, ago),
    )


# --- round robin -----------------------------------------------------------------------------------------------------


def test_round_robin_takes_turns() -> None:
    """`RoundRobinStrategy(providers=["openai", "anthropic", "ollama"])`"""
    turns: dict[str, Observation] = {}
    firsts = []
    for turn in range(1, 8):
        firsts.append(names(ranked("round-robin", A, B, C, seen=turns))[0])
        turns[firsts[-1]] = Observation(turn=turn)
    assert firsts == ["openai", "anthropic", "ollama"] * 2 + ["openai"]


def test_behind_the_one_whose_turn_it_is_stand_the_next() -> None:
    turns = {"openai": Observation(turn=9), "anthropic": Observation(turn=7), "ollama": Observation(turn=8)}
    decision = ranked("round_robin", A, B, C, seen=turns)
    assert names(decision) == ["anthropic", "ollama", "openai"]
    assert why(decision, "anthropic") == "round_robin: first in plan 7 for the last time"
    assert set(codes(decision)) == {"round_robin"}
    assert why(ranked("round_robin", A), "openai") == "round_robin: never stood first"


def test_who_is_new_has_the_next_turn() -> None:
    turns = {"openai": Observation(turn=9), "anthropic": Observation(turn=7)}
    assert names(ranked("round_robin", A, B, C, seen=turns))[0] == "ollama"


# --- least connections -----------------------------------------------------------------------------------------------


def test_least_connections_goes_where_the_fewest_are_in_flight() -> None:
    flying = {"openai": Observation(in_flight=3), "anthropic": Observation(in_flight=1)}
    decision = ranked("least_connections", A, B, C, seen=flying)
    assert names(decision) == ["ollama", "anthropic", "openai"]
    assert why(decision, "openai") == "least_connections: 3 in flight"
    assert (score(decision, "openai"), set(codes(decision))) == (3.0, {"least_connections"})


def test_a_weight_takes_as_many_times_more() -> None:
    flying = {"openai": Observation(in_flight=5), "anthropic": Observation(in_flight=3), "ollama": Observation()}
    spec = StrategySpec("s", "least_connections", weights={"openai": 2.0, "ollama": 0.0})
    decision = ranked(spec, A, B, C, seen=flying)
    assert names(decision) == ["openai", "anthropic"]
    assert why(decision, "openai") == "s: 5 in flight for a weight of 2"
    assert reasons(decision) == {"ollama/m": "s: weight 0 is never chosen"}


# --- token balance ---------------------------------------------------------------------------------------------------


def test_token_balance_goes_where_the_most_tokens_are_left() -> None:
    """The document's balancer: 100000, 80000 and 50000, of which some are used."""
    limits = {"openai": left(20_000), "anthropic": left(80_000), "ollama": left(50_000)}
    decision = ranked("token_balance", A, B, C, seen=limits)
    assert names(decision) == ["anthropic", "ollama", "openai"]
    assert why(decision, "anthropic") == "token_balance: 80000 tokens left"
    assert set(codes(decision)) == {"token_balance"}


@pytest.mark.parametrize(
    ("sentence", "observed", "order", "words"),
    [
        ("unmeasured", left(None), ["openai", "anthropic"], "nobody knows its limit, so it is tried first"),
        (
            "stale",
            left(1, ago=601),
            ["openai", "anthropic"],
            "what is known of its limit is stale, so it is tried first",
        ),
        ("nonsense", left(math.nan), ["openai", "anthropic"], "nobody knows its limit, so it is tried first"),
        ("one at a time", left(None, in_flight=1), ["anthropic", "openai"], "nobody knows its limit, and 1 in flight"),
        ("no tokens left", left(0), ["anthropic", "openai"], "none of its tokens are left"),
        ("no requests left", left(10**9, 0), ["anthropic", "openai"], "none of its requests are left"),
        ("no requests left long ago", left(None, 0, ago=601), ["openai", "anthropic"], "nobody knows its limit"),
    ],
)
def test_token_balance_of_what_is_unknown_or_used_up(
    sentence: str, observed: Observation, order: list[str], words: str
) -> None:
    decision = ranked("token_balance", A, B, seen={"openai": observed, "anthropic": left(5)})
    assert names(decision) == order, sentence
    assert words in why(decision, "openai")


def test_when_all_limits_are_used_up_somebody_is_still_tried() -> None:
    assert names(ranked("token_balance", A, B, seen={"openai": left(0), "anthropic": left(9, 0)})) == [
        "openai",
        "anthropic",
    ]
