"""A chat request of the OpenAI dialect, said to Cohere.

Law: what the assistant said beside its calls is the `tool_plan`, since that is what Cohere's own plan is given to
callers as. A demand for certain tools is a list of those tools alone. Numbers stay within Cohere's ranges, and where
that changes what was meant it is a loss.
"""

from typing import Any, Final

from extproc.dialects.cohere import HOTTEST, MOST_K, MOST_STOPS, ORIGIN, PASSED, TOP_P
from extproc.dialects.efforts import BUDGETS
from extproc.dialects.openai import shapes
from extproc.dialects.openai.chat import Audio, Chat, File, Image, Part, Text, Tool, ToolCall
from extproc.dialects.turns import Dialogue, Said
from extproc.refusal import Reason, Refusal
from extproc.translation import loss_names
from extproc.translation.chat_asked import lost_at_once, passed_on
from extproc.translation.pair import Call, Destination

_SEEDS: Final = 2**63


def untakeable(chat: Chat) -> Refusal | None:
    """Files and sounds have no place there, and an answer without them is none."""
    for turn in chat.turns:
        for index, part in enumerate(turn.parts):
            if isinstance(part, (Audio, File)):
                what = "a file" if isinstance(part, File) else "audio"
                place = f"messages[{turn.place}].content[{index}]"
                return Refusal(Reason.UNSUPPORTED_PARAMETER, f"`{place}` is {what}, which Cohere cannot take.", place)
    return None


class CohereRequest:
    """One request, while it is being written. `body` and `lost` are what comes of it."""

    def __init__(self, chat: Chat, talk: Dialogue, call: Call, to: Destination) -> None:
        self._chat = chat
        self._traits = to.traits
        self._thinks = to.traits.thinking != "none" or to.traits.thinks_unasked
        self.lost = lost_at_once(chat, to)
        self.body: dict[str, Any] = {"model": to.model, "messages": self._messages(talk), "stream": call.stream}
        self._add_tools()
        self._add_sampling()
        self._add_format()
        self._add_thinking()
        self._add_passed(passed_on(call, chat.asked, PASSED))

    # --- messages ----------------------------------------------------------------------------------------------------

    def _messages(self, talk: Dialogue) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = []
        if talk.system:
            said.append({"role": "system", "content": self._texts(talk.system)})
        for turn in talk.turns:
            said += [self._assistant(turn)] if turn.role == "assistant" else self._user(turn)
        return said

    def _user(self, turn: Said) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = [
            {"role": "tool", "tool_call_id": result.call_id, "content": result.text} for result in turn.results
        ]
        pictures = tuple(part for result in turn.results for part in result.parts if isinstance(part, Image))
        parts = pictures + turn.parts  # results hold text alone: what they show stands behind them
        if parts:
            said.append({"role": "user", "content": _content(parts)})
        return said

    def _assistant(self, turn: Said) -> dict[str, Any]:
        said: dict[str, Any] = {"role": "assistant"}
        thoughts = [one.text for one in turn.thoughts if self._thinks and one.origin == ORIGIN and one.text]
        content: list[dict[str, Any]] = [{"type": "thinking", "thinking": one} for one in thoughts]
        spoken = self._texts(turn.parts)
        if turn.calls:
            if spoken:
                said["tool_plan"] = "".join(part.text for part in turn.parts if isinstance(part, Text))
            said["tool_calls"] = [self._call(call) for call in turn.calls]
        elif not content:
            said["content"] = spoken
        else:
            content += [{"type": "text", "text": spoken}] if isinstance(spoken, str) else spoken
        if content:
            said["content"] = content
        return said

    def _call(self, call: ToolCall) -> dict[str, Any]:
        arguments, broken = shapes.arguments_of(call)
        if broken:
            self.lost.add(loss_names.ARGUMENTS)
        function = {"name": call.name, "arguments": shapes.arguments_text(arguments)}
        return {"id": call.id, "type": "function", "function": function}

    def _texts(self, parts: tuple[Part, ...]) -> Any:
        """For turns that take text alone."""
        texts = tuple(part for part in parts if isinstance(part, Text))
        if len(texts) < len(parts):
            self.lost.add(loss_names.CONTENT)
        return _content(texts)

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _add_tools(self) -> None:
        choice = self._chat.choice
        offered = self._chat.tools
        if choice is not None and choice.names:
            offered = tuple(one for one in offered if one.name in choice.names) or offered
        if not offered:
            return
        self.body["tools"] = [shapes.tool(one) for one in offered]
        if choice is not None and choice.kind == "required" and not self._traits.forced_tools:
            self.lost.add("tool_choice")
        elif choice is not None and choice.kind != "auto":
            self.body["tool_choice"] = "REQUIRED" if choice.kind == "required" else "NONE"
        self._add_strictness(offered)

    def _add_strictness(self, offered: tuple[Tool, ...]) -> None:
        """It is one word for all tools, and a schema that was not written for it may be refused."""
        strict = [one for one in offered if one.strict]
        if len(strict) == len(offered):
            self.body["strict_tools"] = True
        elif strict:
            self.lost.add(loss_names.STRICT)

    def _add_sampling(self) -> None:
        chat = self._chat
        told = {
            "max_tokens": chat.max_tokens,
            "temperature": self._within("temperature", chat.temperature, 0, HOTTEST),
            # No loss: a hundredth of the mass is nobody's meaning.
            "p": None if chat.top_p is None else min(max(chat.top_p, TOP_P[0]), TOP_P[1]),
            "k": self._within("top_k", chat.top_k, 0, MOST_K),
            "seed": None if chat.seed is None else chat.seed % _SEEDS,
            "frequency_penalty": self._within("frequency_penalty", chat.frequency_penalty, 0, 1),
            "presence_penalty": self._within("presence_penalty", chat.presence_penalty, 0, 1),
            "stop_sequences": list(chat.stop[:MOST_STOPS]) or None,
            "logprobs": chat.logprobs or None,
        }
        if len(chat.stop) > MOST_STOPS:
            self.lost.add("stop")
        self.body |= {key: value for key, value in told.items() if value is not None}

    def _within(self, name: str, value: float | None, least: float, most: float) -> float | None:
        if value is None or least <= value <= most:
            return value
        self.lost.add(name)
        return min(max(value, least), most)

    def _add_format(self) -> None:
        wanted = self._chat.format
        if wanted is None or wanted.kind == "text":
            return
        if "tools" in self.body:  # one of both is refused
            self.lost.add("response_format")
            return
        self.body["response_format"] = {"type": "json_object"}
        if wanted.kind == "json_schema":
            self.body["response_format"]["json_schema"] = wanted.schema or {}

    def _add_thinking(self) -> None:
        effort, budget = self._chat.reasoning_effort, self._chat.thinking_budget
        if self._traits.thinking == "none" or (effort is None and budget is None):
            return
        if effort == "none":
            self.body["thinking"] = {"type": "disabled"}
            return
        least, most = self._traits.budget or (1, BUDGETS["max"])
        wanted = budget or BUDGETS[effort or "medium"]
        if self._chat.max_tokens is not None:  # which counts thinking too: half of it is left for the answer
            most = min(most, max(self._chat.max_tokens // 2, 1))
        self.body["thinking"] = {"type": "enabled", "token_budget": min(max(wanted, least), most)}

    def _add_passed(self, passed: dict[str, Any]) -> None:
        if "safety_mode" in passed and "tools" in self.body:  # one of both is refused
            del passed["safety_mode"]
            self.lost.add("safety_mode")
        if "tools" not in self.body:
            passed.pop("strict_tools", None)
        self.body |= passed


def _content(parts: tuple[Part, ...]) -> Any:
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [_block(part) for part in parts if isinstance(part, (Text, Image))]


def _block(part: Text | Image) -> dict[str, Any]:
    return shapes.image(part) if isinstance(part, Image) else {"type": "text", "text": part.text}
