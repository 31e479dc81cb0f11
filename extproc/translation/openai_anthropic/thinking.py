"""How long Claude may write, and how it is told to think.

Law: `max_tokens` is always said: the caller's, else what the model and good sense allow. A budget stays under it. Where
thinking cannot be had beside something else that was asked for (a call that is demanded, words to be continued, a cap
that leaves no room, reasoning of a tool loop that was not sent back), thinking gives way and is named.
"""

from dataclasses import dataclass
from typing import Any, Final

from extproc.dialects.anthropic import EFFORTS
from extproc.dialects.efforts import BUDGETS, effort_of, nearest
from extproc.dialects.model_families import Traits
from extproc.dialects.model_rules import CLAUDE_BUDGET
from extproc.dialects.openai.chat import Chat
from extproc.dialects.turns import Dialogue
from extproc.translation import loss_names
from extproc.translation.openai_anthropic.turns import signed

_ANSWER: Final = 16_384  # tokens for what is said, where the caller names no cap
_THOUGHT: Final = 16_384  # and for thinking, where it has no budget
_SMALLEST_MODEL: Final = 4096


@dataclass(frozen=True, slots=True)
class Thinking:
    max_tokens: int
    config: dict[str, Any] | None = None  # `thinking`; None: nothing is said of it
    effort: str | None = None
    active: bool = False  # it thinks, told or untold
    lost: frozenset[str] = frozenset()


def thinking(chat: Chat, talk: Dialogue, known: Traits, *, forced: bool, prefilled: bool) -> Thinking:
    """`forced`: a call is demanded; `prefilled`: the last words are the assistant's."""
    most = known.max_output or _SMALLEST_MODEL
    cap = min(chat.max_tokens, most) if chat.max_tokens is not None else None
    effort, budget = chat.reasoning_effort, chat.thinking_budget
    if effort is None and budget is None:
        return _untold(cap, most, known)
    if effort == "none":
        return _off(cap, most, known)
    if known.thinking == "none":
        return _untold(cap, most, known)  # named already: the model cannot be told
    if known.thinking == "adaptive":
        return _adaptive(effort, budget, cap, most, known)
    return _budgeted(chat, cap, most, known, gives_way=forced or prefilled or _unsigned_loop(talk))


def _untold(cap: int | None, most: int, known: Traits, lost: frozenset[str] = frozenset()) -> Thinking:
    room = _ANSWER + (_THOUGHT if known.thinks_unasked else 0)
    return Thinking(cap or min(most, room), active=known.thinks_unasked, lost=lost)


def _off(cap: int | None, most: int, known: Traits) -> Thinking:
    if not known.thinks_unasked:
        return _untold(cap, most, known)
    if "none" not in known.efforts:
        return _untold(cap, most, known, frozenset({loss_names.EFFORT}))
    return Thinking(cap or min(most, _ANSWER), {"type": "disabled"})


def _adaptive(effort: str | None, budget: int | None, cap: int | None, most: int, known: Traits) -> Thinking:
    lost = frozenset({loss_names.EFFORT}) if effort is None else frozenset[str]()
    asked = nearest(effort or effort_of(budget or 0), known.efforts & EFFORTS)
    # Newer models show no thinking unless they are told to; what it costs is the same.
    config = {"type": "adaptive", "display": "summarized"}
    return Thinking(cap or min(most, _ANSWER + _THOUGHT), config, asked, active=True, lost=lost)


def _budgeted(chat: Chat, cap: int | None, most: int, known: Traits, *, gives_way: bool) -> Thinking:
    least, largest = known.budget or CLAUDE_BUDGET
    if gives_way or (cap or most) <= least:
        return _untold(cap, most, known, frozenset({loss_names.EFFORT}))
    wanted = chat.thinking_budget or BUDGETS[chat.reasoning_effort or "medium"]
    budget = max(min(wanted, largest), least)
    whole = cap if cap is not None else min(most, budget + _ANSWER)
    budget = max(min(budget, whole * 3 // 4), least)
    lost = frozenset({loss_names.EFFORT}) if chat.thinking_budget not in (None, budget) else frozenset[str]()
    return Thinking(whole, {"type": "enabled", "budget_tokens": budget}, active=True, lost=lost)


def _unsigned_loop(talk: Dialogue) -> bool:
    """Results of tools are to be answered, and the reasoning before the calls was not sent back."""
    asker = talk.answered
    return asker is not None and not signed(asker.thoughts)
