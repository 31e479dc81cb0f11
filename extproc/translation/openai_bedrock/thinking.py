"""OpenAI's reasoning effort → how each family behind Converse is told to think.

Law: a request is never made invalid by thinking: a tool that is demanded, a cap too small for the least budget, or a
tool loop whose signed thoughts were not sent back switches it off where it can be, and that is a loss. An effort that
the model does not have becomes its nearest one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from extproc.dialects.anthropic import EFFORTS as CLAUDES_EFFORTS
from extproc.dialects.bedrock_families import Family
from extproc.dialects.efforts import BUDGETS, effort_of, nearest
from extproc.dialects.model_families import Traits
from extproc.dialects.model_rules import CLAUDE_BUDGET
from extproc.dialects.openai.chat import Chat
from extproc.dialects.turns import Dialogue
from extproc.translation import loss_names
from extproc.translation.openai_bedrock.thoughts import block_of

_ROOM: Final = 4096  # tokens for the answer itself, where the caller names no cap


@dataclass(frozen=True, slots=True)
class Thinking:
    """`fields` go into additionalModelRequestFields, `effort` into outputConfig."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    effort: str | None = None
    on: bool = False
    at_most: int | None = None  # tokens of the whole answer, where the caller named no cap and one is needed
    free: bool = False  # neither a cap nor sampling may be said beside it
    losses: tuple[str, ...] = ()


def thinking(chat: Chat, family: Family, traits: Traits, dialogue: Dialogue, forced: bool) -> Thinking:
    """`forced`: some tool is demanded."""
    asked, budget = chat.reasoning_effort, chat.thinking_budget
    if asked is None and budget is not None:
        asked = effort_of(budget)
    if asked is None and not (forced and family.claude and traits.thinks_unasked):
        return Thinking(on=traits.thinks_unasked)
    if traits.thinking == "none" or not family.thinks:
        lost = asked != "none" or traits.thinks_unasked
        return Thinking(on=traits.thinks_unasked, losses=(loss_names.EFFORT,) if lost else ())
    if family.thinks == "claude":
        return _claude(chat, family, traits, dialogue, asked, forced)
    if asked == "none" and not traits.thinks_unasked and not family.nova:
        return Thinking()
    effort = _nearest(str(asked), traits.efforts)
    fields = _fields(family, effort)
    lost = asked == "none" and effort != "none"
    free = family.nova and effort == "high"
    return Thinking(fields, on=effort != "none", free=free, losses=(loss_names.EFFORT,) if lost else ())


def _fields(family: Family, effort: str) -> dict[str, Any]:
    match family.thinks:
        case "nova" if effort == "none":
            return {"reasoningConfig": {"type": "disabled"}}
        case "nova":
            return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": effort}}
        case "nested":
            return {"reasoning": {"effort": effort}}
        case "worded":
            return {"reasoning_config": effort}
        case _:
            return {"reasoning_effort": effort}


def _claude(
    chat: Chat, family: Family, traits: Traits, dialogue: Dialogue, asked: str | None, forced: bool
) -> Thinking:
    always = traits.thinks_unasked and "none" not in traits.efforts
    if asked is None and always:
        return Thinking(on=True)
    if asked in (None, "none") or (forced and not always):
        lost = asked not in (None, "none") or always
        return _silent(traits, (loss_names.EFFORT,) if lost else ())
    if traits.thinking == "adaptive":
        told = {"type": "adaptive", "display": "summarized"}  # newer models show nothing of it unless they are told to
        effort = _nearest(str(asked), traits.efforts & CLAUDES_EFFORTS)
        return Thinking({"thinking": told}, effort=effort, on=True)
    budget = chat.thinking_budget or BUDGETS[str(asked)]
    least, most = traits.budget or CLAUDE_BUDGET
    cap = min(chat.max_tokens or traits.max_output or 2**31, traits.max_output or 2**31)
    if cap <= least or _thoughts_missing(dialogue, family):
        return _silent(traits, (loss_names.EFFORT,))
    told_budget = min(max(budget, least), most, max(cap * 3 // 4, least))
    fields = {"thinking": {"type": "enabled", "budget_tokens": told_budget}}
    return Thinking(fields, on=True, at_most=min(told_budget + _ROOM, cap))


def _silent(traits: Traits, losses: tuple[str, ...]) -> Thinking:
    """Not thinking. Who thinks unasked must be told; who cannot be told thinks on."""
    if not traits.thinks_unasked:
        return Thinking(losses=losses)
    if "none" not in traits.efforts:
        return Thinking(on=True, losses=losses)
    return Thinking({"thinking": {"type": "disabled"}}, losses=losses)


def _thoughts_missing(dialogue: Dialogue, family: Family) -> bool:
    """Results of tools are to be answered, and the signed thoughts that led to the calls were not sent back."""
    asker = dialogue.answered
    return asker is not None and not any(block_of(thought, family) for thought in asker.thoughts)


def _nearest(asked: str, taken: frozenset[str]) -> str:
    """Where nobody knows what the model takes: as it was asked for."""
    return nearest(asked, taken) or asked
