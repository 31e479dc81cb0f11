"""What this request will probably cost at a target, in nano-dollars: of a request, not of a model.

Law: an API costs what its prices say of the tokens that are read (the cached share apart) and will be written; a
cluster costs its time, and the time to wake it up where it sleeps. A cluster is never unpriced.
"""

from typing import NamedTuple

from extproc.decision.cluster_cost import Speed, of_tokens, of_waking, per_1k, speed_of
from extproc.decision.contender import Contender
from extproc.decision.strategies.contract import Circumstances
from extproc.decision.strategies.expected import Expected, expected_output
from extproc.decision.strategies.readings import read
from extproc.decision.strategies.words import number, price
from extproc.money import Price, cost_of_text
from extproc.snapshot import ClusterSpec


class Estimate(NamedTuple):
    amount: int | None  # None: nobody knows its price
    words: str
    per_1k: int | None = None  # of clusters


def cost_of(contender: Contender, circumstances: Circumstances) -> Estimate:
    cluster = contender.provider.by_the_hour
    if cluster is not None:
        return _of_cluster(cluster, contender, circumstances)
    entry = contender.entry
    if entry is None or entry.price is None:
        return Estimate(None, "nobody knows its price")
    return _of_tokens(entry.price, contender, circumstances)


def _of_tokens(rates: Price, contender: Contender, circumstances: Circumstances) -> Estimate:
    tokens = max(circumstances.facts.input_tokens, 0)
    output = expected_output(contender, circumstances)
    share = read(circumstances.observations.of(contender.target).cached_share, circumstances.now)
    cached = round(min(share.value, 1.0) * tokens) if share.value else 0
    amount = cost_of_text(rates, tokens, output.tokens, cached)
    of_these = f", {cached} of them cached," if cached else ""
    stale = "; what is known of its cache is stale" if share.stale else ""
    return Estimate(amount, f"{price(amount)} for {tokens} tokens in{of_these} and {_out(output)}{stale}")


def _of_cluster(cluster: ClusterSpec, contender: Contender, circumstances: Circumstances) -> Estimate:
    seen = circumstances.observations.of(contender.target)
    speed = speed_of(cluster, seen, circumstances.now)
    output = expected_output(contender, circumstances)
    tokens = max(circumstances.facts.input_tokens, 0)
    rate = per_1k(cluster, speed.tokens_per_second)
    amount = of_tokens(cluster, speed.tokens_per_second, tokens + output.tokens)
    if amount is None or rate is None:
        return Estimate(None, f"nobody can reckon its price at {_speed(speed)}")
    waking = of_waking(cluster) if seen.asleep else 0
    woken = f", {price(waking)} of it to wake it up" if waking else ""
    words = f"{price(amount + waking)} for {tokens} tokens in and {_out(output)}{woken}; {price(rate)} for 1,000 tokens"
    return Estimate(amount + waking, f"{words} at {_speed(speed)}", rate)


def _out(output: Expected) -> str:
    return f"{output.tokens} out{output.note}"


def _speed(speed: Speed) -> str:
    stale = ", as what was measured is stale" if speed.stale else ""
    return f"{number(speed.tokens_per_second)} tokens a second ({speed.source}{stale})"
