"""How long Claude may write, and how it is told to think.

Law: `max_tokens` is always said: the caller's, else what the model and good sense allow. A budget stays under it. Where
thinking cannot be had beside something else that was asked for (a call that is demanded, words to be continued, a cap
that leaves no room, reasoning of a tool loop that was not sent back), thinking gives way and is named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from extproc.dialects.anthropic import EFFORTS
from extproc.dialects.model_families import Traits
from extproc.dialects.model_rules import CLAUDE_BUDGET
from extproc.dialects.openai.chat import Chat
from extproc.dialects.turns import Dialogue
from extproc.translation.openai_anthropic.turns import signed

LOST: Final = "reasoning_effort"
LOST_BUDGET: Final = "thinking.budget_tokens"
_ANSWER: Final = 16_384  # tokens for what is said, where the caller names no cap
_THOUGHT: Final = 16_384  # and for thinking, where it has no budget
_SMALLEST_MODEL: Final = 4096
_BUDGETS: Final[Mapping[str, int]] = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16_384,
    "xhigh": 24_576,
    "max": 32_000,
}


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
        return _untold(cap, most, known, frozenset({LOST}))
    return Thinking(cap or min(most, _ANSWER), {"type": "disabled"})


def _adaptive(effort: str | None, budget: int | None, cap: int | None, most: int, known: Traits) -> Thinking:
    lost = frozenset({LOST_BUDGET}) if effort is None else frozenset[str]()
    asked = effort or next((name for name, tokens in _BUDGETS.items() if (budget or 0) <= tokens), "max")
    # Newer models show no thinking unless they are told to; what it costs is the same.
    config = {"type": "adaptive", "display": "summarized"}
    return Thinking(cap or min(most, _ANSWER + _THOUGHT), config, _nearest(asked, known), active=True, lost=lost)


def _nearest(asked: str, known: Traits) -> str | None:
    """The asked effort or the next lower one that the model takes; the least one where there is no lower."""
    taken = [effort for effort in EFFORTS if effort in known.efforts]
    order = ("minimal", *EFFORTS)
    lower = [effort for effort in taken if order.index(effort) <= order.index(asked)]
    return lower[-1] if lower else next(iter(taken), None)


def _budgeted(chat: Chat, cap: int | None, most: int, known: Traits, *, gives_way: bool) -> Thinking:
    least, largest = known.budget or CLAUDE_BUDGET
    if gives_way or (cap or most) <= least:
        return _untold(cap, most, known, frozenset({LOST}))
    wanted = chat.thinking_budget or _BUDGETS[chat.reasoning_effort or "medium"]
    budget = max(min(wanted, largest), least)
    whole = cap if cap is not None else min(most, budget + _ANSWER)
    budget = max(min(budget, whole * 3 // 4), least)
    lost = frozenset({LOST_BUDGET}) if chat.thinking_budget not in (None, budget) else frozenset[str]()
    return Thinking(whole, {"type": "enabled", "budget_tokens": budget}, active=True, lost=lost)


def _unsigned_loop(talk: Dialogue) -> bool:
    """Results of tools are to be answered, and the reasoning before the calls was not sent back."""
    if len(talk.turns) < 2 or not talk.turns[-1].results:
        return False
    asker = next(turn for turn in reversed(talk.turns) if turn.role == "assistant")
    return not signed(asker.thoughts)
