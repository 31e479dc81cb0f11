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
    others = seen.output_of_others(facts.route, contender.target) if facts.family in WRITES_TEXT else ()
    lengths = (own.value, *(read(one, now).value for one in others))
    learned = next((one for one in lengths if one is not None), None)
    cap = facts.max_output_tokens
    if learned is not None:
        tokens = round(learned)
    elif facts.family not in WRITES_TEXT:
        tokens = 0
    else:
        tokens = ASSUMED_OUTPUT if cap is None else cap
    largest = contender.entry.max_output if contender.entry else None
    tokens = min(tokens, *(limit for limit in (cap, largest, tokens) if limit is not None))
    return Expected(max(tokens, 0), "; what is known of its answers is stale" if learned is None and own.stale else "")
