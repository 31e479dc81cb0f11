"""How much a target will probably write for this request.

Law: what this route's answers of this target were on average lately, else the caller's cap, else a constant; never more
than the caller's cap, nor than the model can write. What is no text is not written in tokens, unless it was seen to be.
"""

from typing import Final, NamedTuple

from extproc.decision.contender import Contender
from extproc.decision.strategies.contract import Circumstances
from extproc.decision.strategies.readings import read

ASSUMED_OUTPUT: Final = 500  # tokens of an answer of which nobody knows anything: about a page
WRITES_TEXT: Final = frozenset({"chat", "completions"})


class Expected(NamedTuple):
    tokens: int
    note: str  # what a reader must know of it; mostly nothing


def expected_output(contender: Contender, circumstances: Circumstances) -> Expected:
    facts = circumstances.facts
    learned = read(circumstances.observations.output(facts.route, contender.target), circumstances.now)
    cap = facts.max_output_tokens
    if learned.value is not None:
        tokens = round(learned.value)
    elif facts.family not in WRITES_TEXT:
        tokens = 0
    else:
        tokens = ASSUMED_OUTPUT if cap is None else cap
    largest = contender.entry.max_output if contender.entry else None
    if cap is not None and cap < tokens:
        tokens = cap
    if largest is not None and largest < tokens:
        tokens = largest
    return Expected(max(tokens, 0), "; what is known of its answers is stale" if learned.stale else "")
