"""Strategies that spread load: `round_robin`, `least_connections`, `token_balance`."""

from collections.abc import Sequence

from extproc.decision.contender import Contender
from extproc.decision.strategies import codes
from extproc.decision.strategies.contract import Circumstances, Score
from extproc.decision.strategies.factors import NEVER, weighed, weight_of
from extproc.decision.strategies.readings import read
from extproc.decision.strategies.words import number


class RoundRobin:
    """Who stood first longest ago. Weights are no shares here; weight 0 is never chosen."""

    def scores(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Score]:
        return [self._score(one, circumstances) for one in candidates]

    def _score(self, contender: Contender, circumstances: Circumstances) -> Score:
        if weight_of(contender, circumstances.spec) == 0:
            return Score(None, NEVER, chosen=False)
        turn = max(circumstances.observations.of(contender.target).turn, 0)
        words = f"first in plan {turn} for the last time" if turn else "never stood first"
        return Score(float(turn), words, code=codes.ROUND_ROBIN)


class LeastConnections:
    """Who has the fewest requests in flight, for its weight: weight 2 takes twice as many."""

    def scores(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Score]:
        return [self._score(one, circumstances) for one in candidates]

    def _score(self, contender: Contender, circumstances: Circumstances) -> Score:
        weight = weight_of(contender, circumstances.spec)
        if weight == 0:
            return Score(None, NEVER, chosen=False)
        flying = max(circumstances.observations.of(contender.target).in_flight, 0)
        if weight is None:
            return Score(float(flying), f"{flying} in flight", code=codes.LEAST_CONNECTIONS)
        words = f"{flying} in flight for a weight of {number(weight)}"
        return Score(flying / weight, words, code=codes.LEAST_CONNECTIONS)


class TokenBalance:
    """Who has the most tokens left of its provider's limit. Whose limit is used up stands behind; the unmeasured is
    tried first, one request at a time."""

    def scores(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Score]:
        return [weighed(_balance(one, circumstances), one, circumstances.spec) for one in candidates]


def _balance(contender: Contender, circumstances: Circumstances) -> Score:
    seen = circumstances.observations.of(contender.target)
    tokens, requests = read(seen.tokens_left, circumstances.now), read(seen.requests_left, circumstances.now)
    if requests.value == 0:
        return Score(None, "none of its requests are left", 1, code=codes.LAST_RESORT)
    if tokens.value == 0:
        return Score(None, "none of its tokens are left", 1, code=codes.LAST_RESORT)
    if tokens.value is not None:
        # Less is better, and a third more is a third better.
        return Score(1.0 / tokens.value, f"{number(tokens.value)} tokens left", code=codes.TOKEN_BALANCE)
    what = "what is known of its limit is stale" if tokens.stale else "nobody knows its limit"
    flying = max(seen.in_flight, 0)
    if flying:
        words = f"{what}, and {flying} in flight will tell"
        return Score(None, words, unknown="last", code=codes.UNMEASURED, guess=(flying,))
    return Score(None, f"{what}, so it is tried first", code=codes.UNMEASURED, guess=(0,))
