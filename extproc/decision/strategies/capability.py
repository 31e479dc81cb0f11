"""`capability`: who declares most of what the request asks for first; equals as they are written.

Asked for are the request's needs (tools, vision, …), the tags of its requirements, and reasoning where it names an
effort. A prompt of LARGE tokens and more asks for `large-context`, which a known context of LARGE_CONTEXT is too; one
below SMALL that asks for nothing else asks for `simple-tasks`.

Law: what nobody declares is not known, and not knowing is no «cannot»; who declares `no_x` cannot, and stands behind
all others where x is asked for. `-` and `_` are the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from extproc.decision.contender import Contender
from extproc.decision.nearest import shown
from extproc.decision.strategies import codes
from extproc.decision.strategies.contract import Circumstances, Score
from extproc.facts.request import Facts

SMALL: Final = 1_000
LARGE: Final = 2_000  # all the context that small self-hosted models have
LARGE_CONTEXT: Final = 32_000
_REASONING: Final = "reasoning_effort"  # the feature that asks for it
# Who can do the one can do the other.
_ALSO: Final[Mapping[str, str]] = {"files": "pdf", "json_object": "json_schema"}


class ByCapability:
    def scores(self, candidates: Sequence[Contender], circumstances: Circumstances) -> Sequence[Score]:
        asked = sorted(asked_for(circumstances.facts))
        return [_score(asked, one) for one in candidates]


def asked_for(facts: Facts) -> frozenset[str]:
    asked = _plain((*facts.needs, *facts.tags))
    if _REASONING in facts.features:
        asked |= {"reasoning"}
    if facts.input_tokens >= LARGE:
        return asked | {"large_context"}
    return asked or (frozenset({"simple_tasks"}) if facts.input_tokens < SMALL else asked)


def _score(asked: Sequence[str], contender: Contender) -> Score:
    if not asked:
        return Score(0.0, "nothing is asked for", code=codes.CAPABILITY)
    declared = _plain(contender.capabilities)
    if (contender.context or 0) >= LARGE_CONTEXT:
        declared |= {"large_context"}
    able = [name for name in asked if name in declared or _ALSO.get(name) in declared]
    unable = [name for name in asked if name not in able and f"no_{name}" in declared]
    if unable:
        return Score(-float(len(able)), f"it cannot do {_listed(unable)}", band=1, code=codes.CANNOT)
    if not able:
        return Score(0.0, f"it declares nothing of {_listed(asked)}", code=codes.UNDECLARED)
    what = f"{_listed(able)}" if len(able) == len(asked) else f"{_listed(able)} of {_listed(asked)}"
    return Score(-float(len(able)), f"it declares {what}", code=codes.CAPABILITY)


def _plain(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.lower().replace("-", "_") for name in names)


def _listed(names: Iterable[str]) -> str:
    return shown(", ".join(names))
