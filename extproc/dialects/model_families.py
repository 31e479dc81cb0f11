"""What a model takes: from its entry in the table or the configuration, and where that says nothing, from its name.

Law: the one place where a model's family decides anything. A capability `x` of the entry says that the model can,
`no_x` that it cannot, and neither leaves it to the family. An unknown member of a family is taken for one of its
newest: leaving out what would have been understood loses less than a request that is refused.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Literal

from extproc.dialects import model_rules
from extproc.dialects.efforts import EFFORTS
from extproc.dialects.model_names import plain_name
from extproc.snapshot import Model

Thinking = Literal["none", "budget", "adaptive", "level"]


@dataclass(frozen=True, slots=True)
class Traits:
    """What may be said to one model. The defaults are those of a model that nobody knows."""

    sampling: bool = True  # temperature, top_p, top_k
    sampling_at_no_effort: bool = False  # `sampling` is False, but with the effort `none` it is taken after all
    penalties: bool = True  # for words that are said already; means nothing without `sampling`
    prefill: bool = False  # a last message of the assistant is continued
    # How it is told to think: it is not; by a budget of tokens; by Claude's `adaptive` and an effort; by an effort.
    thinking: Thinking = "none"
    thinks_unasked: bool = False  # it thinks where nothing is said of it
    efforts: frozenset[str] = frozenset()  # those of EFFORTS that it takes; `none`: it can be told not to think
    budget: tuple[int, int] | None = None  # the least and the most tokens of a budget that is not zero
    native_json_schema: bool = False  # an answer's schema has a field of its own; else it needs a forced tool
    forced_tools: bool = True  # a call of some tool, or of a certain one, may be demanded
    parallel_tools: bool = False  # it may be told to call no more than one tool in a turn
    system_between_turns: bool = False  # a system message may stand after the first turn
    takes_system_role: bool = True
    takes_developer_role: bool = False
    uses_max_completion_tokens: bool = False  # and refuses `max_tokens`
    max_output: int | None = None  # most tokens of one answer
    signs_calls: bool = False  # its calls of tools have ids and signatures, and it wants both back
    fetches_links: bool = True  # its provider fetches what a link shows
    speaks: bool = False  # it answers aloud, and in no other way
    draws: bool = False  # pictures may stand in its answers


@lru_cache(maxsize=1024)  # asked for several times on an exchange's way; a configuration has some hundred models
def traits(name: str, entry: Model | None) -> Traits:
    """`name` is what the provider is told; for a deployment, whose name says nothing, what the caller asked for."""
    family = Traits(**model_rules.by_name(plain_name(name)))
    return family if entry is None else _told(family, entry)


def traits_at(dialect: str, upstream: str, entry: Model | None) -> Traits:
    """Of a model at a provider. At Azure the provider is told a deployment, whose name says nothing."""
    deployed = dialect == "azure_openai" and entry is not None and "*" not in entry.name
    return traits(entry.name if deployed and entry is not None else upstream, entry)


# The capabilities that decide one field each.
_DECIDES: Final = (
    ("sampling", "sampling"),
    ("penalties", "penalties"),
    ("prefill", "prefill"),
    ("native_json_schema", "native_json_schema"),
    ("forced_tools", "forced_tools"),
    ("parallel_tools", "parallel_tools"),
    ("system_between_turns", "system_between_turns"),
    ("system_role", "takes_system_role"),
    ("developer_role", "takes_developer_role"),
    ("signs_calls", "signs_calls"),
    ("fetches_links", "fetches_links"),
    ("speaks", "speaks"),
    ("draws", "draws"),
)


def _told(family: Traits, entry: Model) -> Traits:
    said = entry.capabilities
    told: dict[str, Any] = {field: True for capability, field in _DECIDES if capability in said}
    told |= {field: False for capability, field in _DECIDES if f"no_{capability}" in said}
    return _thinking(replace(family, max_output=entry.max_output or family.max_output, **told), said)


def _thinking(family: Traits, said: frozenset[str]) -> Traits:
    kind: Thinking = family.thinking
    if "adaptive_thinking" in said:
        kind = "adaptive"
    elif "budget_thinking" in said:
        kind = "budget"
    elif "no_reasoning" in said:
        return replace(family, thinking="none", thinks_unasked=False, efforts=frozenset(), budget=None)
    elif kind == "none" and "reasoning" in said and not family.thinks_unasked:
        kind = "level"
    efforts = family.efforts or (model_rules.USUAL_EFFORTS if kind != "none" else frozenset())
    efforts |= {effort for effort in EFFORTS if f"effort_{effort}" in said}
    efforts -= {effort for effort in EFFORTS if f"no_effort_{effort}" in said}
    always = "always_thinks" in said
    return replace(
        family,
        thinking=kind,
        thinks_unasked=family.thinks_unasked or always,
        efforts=efforts - {"none"} if always else efforts,
        budget=(family.budget or model_rules.CLAUDE_BUDGET) if kind == "budget" else None,
    )
