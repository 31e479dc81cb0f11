"""Gates of clusters: one whose queue is too long, or whose 95th percentile is too slow, is a last resort.

Law: it stands behind all others, and is not dropped. What is unknown or stale passes. Nobody's API has gates.
"""

from typing import Final

from extproc.decision.contender import Contender
from extproc.decision.strategies import codes
from extproc.decision.strategies.contract import Circumstances, Score
from extproc.decision.strategies.readings import read
from extproc.decision.strategies.words import number, seconds

MAX_QUEUE_DEPTH: Final = 10.0
MAX_LATENCY: Final = 5.0  # seconds


def gated(score: Score, contender: Contender, circumstances: Circumstances, behind: int) -> Score:
    """`behind`: the band of last resorts."""
    gates = _shut_gates(contender, circumstances) if score.chosen else ""
    if not gates:
        return score
    return score._replace(words=f"a last resort, {gates}; {score.words}", band=behind, code=codes.LAST_RESORT)


def _shut_gates(contender: Contender, circumstances: Circumstances) -> str:
    """Which gates it does not pass, in words; empty: it passes."""
    if contender.provider.by_the_hour is None:
        return ""
    spec, now = circumstances.spec, circumstances.now
    seen = circumstances.observations.of(contender.target)
    longest = MAX_QUEUE_DEPTH if spec.max_queue_depth is None else spec.max_queue_depth
    slowest = MAX_LATENCY if spec.max_latency is None else spec.max_latency
    words = []
    queue = read(seen.queue_depth, now).value
    if queue is not None and queue > longest:
        words.append(f"its queue of {number(queue)} is above {number(longest)}")
    latency = read(seen.latency_p95, now).value
    if latency is not None and latency > slowest:
        words.append(f"its 95th percentile of {seconds(latency)} is above {seconds(slowest)}")
    return " and ".join(words)


def stale_gates(contender: Contender, circumstances: Circumstances) -> str:
    """What was known of it and is too old to judge it by."""
    if contender.provider.by_the_hour is None:
        return ""
    seen, now = circumstances.observations.of(contender.target), circumstances.now
    named = (("queue", seen.queue_depth), ("95th percentile", seen.latency_p95))
    stale = " and ".join(name for name, measure in named if read(measure, now).stale)
    return f"; what is known of its {stale} is stale" if stale else ""
