"""How much a target will probably write for this request.

Law: what this route's answers of this target were on average lately, else those of the same model elsewhere, else all
of the route's, else the caller's cap, else a constant; never more than the caller's cap, nor than the model can write.
So targets are compared by answers as long: whoever answered first is not cheap because its answers alone are known.
What is no text is not written in tokens, unless it was seen to be.
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
    seen, now = circumstances.observations, circumstances.now
    own = read(seen.output(facts.route, contender.target), now)
    learned = own.value
    if learned is None and facts.family in WRITES_TEXT:
        others = (read(one, now).value for one in seen.output_of_others(facts.route, contender.target))
        learned = next((one for one in others if one is not None), None)
    cap = facts.max_output_tokens
    if learned is not None:
        tokens = round(learned)
    elif facts.family not in WRITES_TEXT:
        tokens = 0
    else:
        tokens = ASSUMED_OUTPUT if cap is None else cap
    largest = contender.entry.max_output if contender.entry else None
    if cap is not None and cap < tokens:
        tokens = cap
    if largest is not None and largest < tokens:
        tokens = largest
    return Expected(max(tokens, 0), "; what is known of its answers is stale" if learned is None and own.stale else "")
