"""`decide`: the one function that makes a plan. See the package's law."""

from extproc.decision.plan import Decision, Observations
from extproc.facts.request import Facts
from extproc.snapshot import Snapshot


def decide(facts: Facts, snapshot: Snapshot, observations: Observations, now: float, draw: float) -> Decision:
    """The plan for these facts, or the refusal, with every candidate that was considered.

    `now` is the clock of `observations`; `draw` is one uniform number in [0, 1): all the dice a decision gets.
    """
    raise NotImplementedError  # the skeleton's signature; the next commit fills it
