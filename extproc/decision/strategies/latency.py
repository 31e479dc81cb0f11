"""`latency`: the seconds that this request will probably take: to the first token, for the answer, and to wake up.

Law: who fails counts for as many tries as a success takes. The unmeasured is tried first, but one request at a time:
else a herd goes to it before the first answer tells anything. Neither a cluster that sleeps nor a target of which we
know only that it fails is tried for the sake of being measured. Whole answers show no first token, and measure their
target all the same: their seconds for each token are of all their time.

Who was slow once would be asked no more, so nobody would learn that it is well again: now and then one request looks.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from extproc.decision.contender import Contender
from extproc.decision.plan import SIZES, Measure, Observation, size_class
from extproc.decision.strategies import codes
from extproc.decision.strategies.contract import Circumstances, Score
from extproc.decision.strategies.expected import expected_output
from extproc.decision.strategies.factors import weighed
from extproc.decision.strategies.gates import gated, stale_gates
from extproc.decision.strategies.readings import read
from extproc.decision.strategies.words import number, percent, seconds
from extproc.dialects.model_classes import SpeedClass, speed_class

LEAST_SUCCESS: Final = 0.01  # whoever succeeds less often counts a hundred times
MOSTLY_FAILS: Final = 0.5
LOOK_AFTER: Final = 30.0  # seconds: who was measured longer ago may be looked at again,
LOOK_SHARE: Final = 0.02  # by this share of the requests, one at a time
FASTEST_FIRST: Final[tuple[SpeedClass, ...]] = ("fast", "middle", "slow")


class FirstToken(NamedTuple):
    seconds: float
    words: str


class Latency:
    def scores(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Score]:
        return [self._score(one, circumstances) for one in candidates]

    def _score(self, contender: Contender, circumstances: Circumstances) -> Score:
        seen = circumstances.observations.of(contender.target)
        first = _first_token(seen, circumstances) or _of_whole_answers(seen, circumstances)
        if first is None:
            score = self._unmeasured(contender, seen, circumstances)
        else:
            score = _measured(first, contender, seen, circumstances)
            score = _looked_at_again(score, seen, circumstances) or score
        return gated(weighed(score, contender, circumstances.spec), contender, circumstances, behind=1)

    def _unmeasured(self, contender: Contender, seen: Observation, circumstances: Circumstances) -> Score:
        known = [*seen.first_token.values(), *([seen.per_token] if seen.per_token is not None else [])]
        what = "what was measured of it is stale" if known and all(_stale(one, circumstances) for one in known) else ""
        what = (what or "nobody measured it") + stale_gates(contender, circumstances)
        by_name = speed_class(contender.target.model)
        guess = (max(seen.in_flight, 0), FASTEST_FIRST.index(by_name))
        errors = read(seen.errors, circumstances.now).value
        if seen.in_flight > 0:
            behind = f", and {seen.in_flight} in flight will tell"
        elif seen.asleep:
            behind = ", and it sleeps"
        elif errors is not None and errors >= MOSTLY_FAILS:
            behind = f", and {percent(min(errors, 1.0))} of its attempts fail"
        else:
            named = "" if by_name == "middle" else f"; by its name it is {by_name}"
            return Score(None, f"{what}, so it is tried first{named}", code=codes.UNMEASURED, guess=guess)
        return Score(None, what + behind, unknown="last", code=codes.UNMEASURED, guess=guess)


def _measured(first: FirstToken, contender: Contender, seen: Observation, circumstances: Circumstances) -> Score:
    parts, total = [first.words], first.seconds
    output = expected_output(contender, circumstances)
    per_token = read(seen.per_token, circumstances.now)
    if per_token.value is not None and output.tokens:
        writing = per_token.value * output.tokens
        total += writing
        parts.append(f"{seconds(writing)} for {output.tokens} tokens out")
    elif output.tokens:
        parts.append(f"its speed of writing is {'stale' if per_token.stale else 'unknown'}")
    cluster = contender.provider.by_the_hour
    if seen.asleep and cluster is not None and cluster.wake_up:
        total += cluster.wake_up
        parts.append(f"{seconds(cluster.wake_up)} to wake it up")
    tries, failing = _tries(seen, circumstances)
    words = f"{seconds(total * tries)} expected: {', '.join(parts)}{output.note}{failing}"
    return Score(total * tries, words + stale_gates(contender, circumstances), code=codes.LOWEST_LATENCY)


def _looked_at_again(score: Score, seen: Observation, circumstances: Circumstances) -> Score | None:
    """In the place of one that nobody measured, where its measures are old and the dice say so."""
    if circumstances.draw >= LOOK_SHARE or seen.in_flight > 0 or seen.asleep:
        return None
    errors = read(seen.errors, circumstances.now).value
    measures = (seen.per_token, seen.errors, *seen.first_token.values())
    ago = circumstances.now - max(one.at for one in measures if one is not None)
    if ago < LOOK_AFTER or (errors is not None and errors >= MOSTLY_FAILS):
        return None
    return Score(None, f"measured {seconds(ago)} ago, so one request looks again; {score.words}", code=codes.UNMEASURED)


def _first_token(seen: Observation, circumstances: Circumstances) -> FirstToken | None:
    """Of prompts as long as this one, else of the nearest size that is known."""
    own = size_class(circumstances.facts.input_tokens)
    its_own = read(seen.first_token.get(own), circumstances.now).value
    if its_own is not None:
        return FirstToken(its_own, f"{seconds(its_own)} to the first token")
    read_of = ((size, read(measure, circumstances.now).value) for size, measure in seen.first_token.items())
    known = {size: value for size, value in read_of if value is not None}
    if not known:
        return None
    size = min(known, key=lambda one: (abs(one - own), one))
    return FirstToken(known[size], f"{seconds(known[size])} to the first token of prompts {_size(size)}")


def _of_whole_answers(seen: Observation, circumstances: Circumstances) -> FirstToken | None:
    """Who is only asked for whole answers shows no first token; its seconds for each token hold the wait for it."""
    known = read(seen.per_token, circumstances.now).value is not None
    return FirstToken(0.0, "nothing apart to the first token") if known else None


def _size(size: int) -> str:
    return f"below {SIZES[size]} tokens" if 0 <= size < len(SIZES) else f"of {SIZES[-1]} tokens and more"


def _stale(measure: Measure, circumstances: Circumstances) -> bool:
    return read(measure, circumstances.now).stale


def _tries(seen: Observation, circumstances: Circumstances) -> tuple[float, str]:
    """How many tries a success takes, and the words for it."""
    errors = read(seen.errors, circumstances.now)
    if not errors.value:
        return 1.0, "; how often it fails is stale" if errors.stale else ""
    tries = 1.0 / max(1.0 - errors.value, LEAST_SUCCESS)
    failing = percent(min(errors.value, 1.0))
    return tries, f"; {failing} of its attempts fail, so it counts {number(tries)} times"
