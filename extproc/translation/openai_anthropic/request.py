"""A chat request as the body of Anthropic's Messages.

Law: what is said is what the model takes: temperature within 0 and 1, and not beside `top_p` or thinking; no sampling
where the model refuses it. What is left out or changed is named.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from extproc.dialects.anthropic import LEAST_TOP_P_THINKING, LONGEST_USER
from extproc.dialects.losses import losses
from extproc.dialects.model_families import Traits
from extproc.dialects.openai.chat import Chat, Image, Part, Text
from extproc.dialects.turns import Dialogue, dialogue
from extproc.refusal import Reason, Refusal
from extproc.translation import loss_names
from extproc.translation.chat_asked import passed_on
from extproc.translation.openai_anthropic.content import Block, text_block, unreadable
from extproc.translation.openai_anthropic.thinking import Thinking, thinking
from extproc.translation.openai_anthropic.tools import Toolbox, toolbox
from extproc.translation.openai_anthropic.turns import bound_cache_hints, messages_of
from extproc.translation.pair import Call, Destination


@dataclass(frozen=True, slots=True)
class Said:
    body: dict[str, Any]  # without the model and the API's version
    lost: frozenset[str]


def body_of(call: Call, to: Destination, chat: Chat) -> Said | Refusal:
    wrong = unreadable(chat)
    if wrong is not None:
        return wrong
    known = to.traits
    talk = dialogue(chat.turns, system_between=known.system_between_turns)
    if not talk.turns:
        return Refusal(Reason.INVALID_REQUEST, "`messages` says nothing: all of its text is blank.", param="messages")
    box = toolbox(chat, talk, known)
    if isinstance(box, Refusal):
        return box
    return _Writer(call, to, chat, talk, box).said()


class _Writer:
    def __init__(self, call: Call, to: Destination, chat: Chat, talk: Dialogue, box: Toolbox) -> None:
        self._call = call
        self._to = to
        self._chat = chat
        self._talk = talk
        self._box = box
        self._known: Traits = to.traits
        self._lost: set[str] = set(losses(to.provider.dialect, to.model, to.entry, chat.asked)) | box.lost

    def said(self) -> Said:
        # A shape of the answer and words to be continued exclude each other.
        prefill = self._known.prefill and self._box.format is None and not self._box.forced
        plan = thinking(
            self._chat,
            self._talk,
            self._known,
            forced=self._box.forced,
            prefilled=self._talk.prefilled and prefill,
        )
        self._lost |= plan.lost
        made = messages_of(self._talk, self._box.names, thoughts=plan.active, prefill=prefill)
        self._lost |= made.lost
        body: dict[str, Any] = {"max_tokens": plan.max_tokens, "messages": made.messages}
        body |= self._system() | self._tools() | self._thought(plan) | self._sampling(plan) | self._rest()
        self._lost |= bound_cache_hints(body)
        self._told_to_stay_off()
        return Said(body, frozenset(self._lost))

    def _system(self) -> dict[str, Any]:
        words = _system_blocks(self._talk.system)
        if self._box.instruction is not None:
            words.append(text_block(self._box.instruction))
        return {"system": words} if words else {}

    def _tools(self) -> dict[str, Any]:
        tools = {"tools": self._box.tools} if self._box.tools else {}
        return tools | ({"tool_choice": self._box.choice} if self._box.choice is not None else {})

    def _thought(self, plan: Thinking) -> dict[str, Any]:
        config: dict[str, Any] = {"effort": plan.effort} if plan.effort is not None else {}
        if self._box.format is not None:
            config["format"] = self._box.format
        told = {"thinking": plan.config} if plan.config is not None else {}
        return told | ({"output_config": config} if config else {})

    def _sampling(self, plan: Thinking) -> dict[str, Any]:
        if not self._known.sampling:
            return {}  # named already
        told = self._temperature_or_top_p(plan.active)
        if self._chat.top_k is not None and plan.active:
            self._lost.add("top_k")
        elif self._chat.top_k is not None:
            told["top_k"] = self._chat.top_k
        return told

    def _temperature_or_top_p(self, thinks: bool) -> dict[str, Any]:
        """One of the two; 1 is what both are when nothing is said, so that one may stay unsaid."""
        temperature, top_p = self._chat.temperature, self._chat.top_p
        if temperature is not None and not 0 <= temperature <= 1:
            self._lost.add("temperature")
            temperature = max(min(temperature, 1.0), 0.0)
        if thinks and temperature not in (None, 1):
            self._lost.add("temperature")
        if top_p is not None and not (LEAST_TOP_P_THINKING if thinks else 0) <= top_p <= 1:
            self._lost.add("top_p")
            top_p = None
        if thinks or temperature is None or (temperature == 1 and top_p not in (None, 1)):
            return {} if top_p is None else {"top_p": top_p}
        if top_p not in (None, 1):
            self._lost.add("top_p")
        return {"temperature": temperature}

    def _rest(self) -> dict[str, Any]:
        told: dict[str, Any] = {"stream": True} if self._call.stream else {}
        stops = [stop for stop in self._chat.stop if stop.strip()]
        if len(stops) < len(self._chat.stop):
            self._lost.add("stop")
        if stops:
            told["stop_sequences"] = stops
        if self._chat.user is not None and len(self._chat.user) > LONGEST_USER:
            self._lost.add("user")
        elif self._chat.user is not None:
            told["metadata"] = {"user_id": self._chat.user}
        self._lost |= _unsaid_of_messages(self._chat)
        return told | self._tier()

    def _tier(self) -> dict[str, Any]:
        """Priority is what «auto» means there, where it was bought; on Vertex AI there is nothing to choose."""
        if b'"service_tier"' not in (self._call.body or b""):
            return {}
        asked = passed_on(self._call, {"service_tier"}, {"service_tier"}).get("service_tier")
        if asked in ("default", "standard_only"):
            return {} if self._to.provider.dialect == "vertex" else {"service_tier": "standard_only"}
        if asked == "priority" and self._to.provider.dialect != "vertex":
            return {"service_tier": "auto"}
        if asked not in (None, "auto"):
            self._lost.add("service_tier")
        return {}

    def _told_to_stay_off(self) -> None:
        """A model that does not think needs no word for it."""
        if self._chat.reasoning_effort == "none" and not self._known.thinks_unasked:
            self._lost.discard(loss_names.EFFORT)


def _unsaid_of_messages(chat: Chat) -> set[str]:
    """What messages say that the API has no place for."""
    lost = {loss_names.NAME for turn in chat.turns if turn.name is not None and turn.role != "tool"}
    parts = (part for turn in chat.turns for part in turn.parts)
    wished = (part for part in parts if isinstance(part, Image) and part.detail not in (None, "auto"))
    return lost | {loss_names.DETAIL for _ in wished}


def _system_blocks(parts: Iterable[Part]) -> list[Block]:
    return [text_block(part.text, part.cache) for part in parts if isinstance(part, Text)]
