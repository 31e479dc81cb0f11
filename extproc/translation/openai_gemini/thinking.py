"""How much a Gemini model is to think: `thinkingConfig`.

Law: a budget or a level, as the model is told, never both. Wherever a model thinks, its thoughts are asked for, or
nobody could read them. What the model cannot be told exactly is told as nearly as it can, and named as a loss.
"""

from collections.abc import Mapping
from typing import Any, Final

from extproc.dialects.efforts import EFFORTS
from extproc.dialects.model_families import Traits
from extproc.dialects.openai.chat import Chat
from extproc.translation import loss_names

# What Google's own gateway of the OpenAI dialect takes them for.
_BUDGETS: Final[Mapping[str, int]] = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576}
_LEVEL_UP_TO: Final = ((1024, "low"), (8192, "medium"))


def thinking_config(chat: Chat, known: Traits, own: Mapping[str, Any], lost: set[str]) -> dict[str, Any] | None:
    """`own`: what the caller said in Google's words; it counts before the rest."""
    if known.thinking == "none":
        return dict(own) or None
    if own:
        return {"includeThoughts": True, **own}
    if known.thinking == "budget":
        return _by_budget(chat, known, lost)
    return _by_level(chat, known, lost)


def _by_budget(chat: Chat, known: Traits, lost: set[str]) -> dict[str, Any] | None:
    least, most = known.budget or (1, 24_576)
    if chat.reasoning_effort == "none":
        if "none" in known.efforts:
            return {"thinkingBudget": 0}
        lost.add(loss_names.EFFORT)
        return {"thinkingBudget": least, "includeThoughts": True}
    asked = chat.thinking_budget
    if asked is None and chat.reasoning_effort is not None:
        asked = _BUDGETS.get(chat.reasoning_effort, most)
    if asked is None:
        return {"includeThoughts": True} if known.thinks_unasked else None
    budget = min(max(asked, least), most)
    if chat.thinking_budget is not None and budget != asked:
        lost.add(loss_names.EFFORT)
    return {"thinkingBudget": budget, "includeThoughts": True}


def _by_level(chat: Chat, known: Traits, lost: set[str]) -> dict[str, Any]:
    asked = chat.reasoning_effort
    if asked is None and chat.thinking_budget is not None:
        asked = next((level for most, level in _LEVEL_UP_TO if chat.thinking_budget <= most), "high")
        lost.add(loss_names.EFFORT)
    if asked is None:
        return {"includeThoughts": True}
    level = _nearest(asked, known)
    if level != asked:
        lost.add(loss_names.EFFORT)
    return {"thinkingLevel": level.upper(), "includeThoughts": True}


def _nearest(asked: str, known: Traits) -> str:
    """The next higher one that the model knows, or its highest."""
    levels = [effort for effort in EFFORTS if effort in known.efforts and effort not in ("none", "max")] or ["high"]
    place = EFFORTS.index(asked) if asked in EFFORTS else 0
    return next((level for level in levels if EFFORTS.index(level) >= place), levels[-1])
