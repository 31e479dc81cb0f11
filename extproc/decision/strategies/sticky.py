"""`sticky`: the same session, user, caller or prompt goes to the same target, so that its prefix cache stays warm.

Rendezvous hashing: each target draws a number out of the key and its own name, and the least stands first. So a target
that goes moves only its own requests, evenly onto all others, and one that comes takes an even share of each; the rest
of the order is made in the same way, so failover sticks too. A weight multiplies a target's share.

Law: the same on every machine and after every restart. Of `sticky_by` the first that the request has is the key; a
request that has none is drawn. Weights name a `provider/model`, or a provider for each of its targets: shares may not
depend on who else is here. Weight 0 is never chosen; when some are named, who is not stands behind.
"""

import math
from collections.abc import Sequence
from typing import Final

from extproc.decision.contender import Contender
from extproc.decision.strategies import codes
from extproc.decision.strategies.contract import Circumstances, Score
from extproc.decision.strategies.factors import NEVER, weight_of
from extproc.dialects.digests import DRAWS, drawn_by
from extproc.facts.request import Facts

_WORDS: Final = {
    "session": "where its session goes",
    "user": "where its user goes",
    "caller": "where its caller goes",
    "prompt": "where prompts that begin so go",
}


class Sticky:
    def scores(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Score]:
        key, words = _key(circumstances)
        weights = [weight_of(one, circumstances.spec) for one in candidates]
        some_named = any(weight is not None for weight in weights)
        return [_score(key, one, weight, some_named, words) for one, weight in zip(candidates, weights, strict=True)]


def _key(circumstances: Circumstances) -> tuple[str, str]:
    for by in circumstances.spec.sticky_by:
        value = _said(by, circumstances.facts)
        if value:
            return f"{by} {value}", _WORDS[by]
    return f"draw {circumstances.draw!r}", "drawn, because the request has nothing to stick by"


def _said(by: str, facts: Facts) -> str | None:
    match by:
        case "session":
            return facts.session
        case "user":
            return facts.user
        case "caller":
            return facts.caller.name
        case _:
            return facts.prefix


def _score(key: str, contender: Contender, weight: float | None, some_named: bool, words: str) -> Score:
    if weight == 0.0:
        return Score(None, NEVER, band=2, chosen=False)
    drawn = drawn_by(f"{key}\n{contender.target}")
    value = -math.log((drawn + 0.5) / DRAWS) / (weight or 1.0)
    if weight is None and some_named:
        return Score(value, "behind those with a weight", band=1, code=codes.STICKY)
    return Score(value, words, code=codes.STICKY)
