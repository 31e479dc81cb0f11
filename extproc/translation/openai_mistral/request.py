"""A chat request of the OpenAI dialect, said to Mistral.

Law: only members that Mistral knows are written, since it refuses any other. Its order of roles is kept: the system's
words first, results right behind their calls, a word of the assistant between results and the next user, and a last
word of the assistant marked as the beginning of the answer. Ids of calls have nine letters and digits.
"""

from typing import Any, Final

from extproc.dialects.mistral import HOTTEST, ORIGIN, PASSED, TIERS
from extproc.dialects.openai import shapes
from extproc.dialects.openai.chat import Audio, Chat, File, Image, Part, Text, Thought, Tool, ToolCall
from extproc.dialects.tolerant import text
from extproc.dialects.tool_ids import MISTRAL_ID, WORD, ToolNames, fitted, tool_names
from extproc.dialects.turns import Dialogue, Result, Said
from extproc.translation import loss_names
from extproc.translation.chat_asked import lost_at_once, names_in, passed_on
from extproc.translation.pair import Call, Destination

BRIDGE: Final = "OK."  # what the assistant says between a result and the next user, where nobody wrote it
_SEEDS: Final = 2**63
_COLDEST_TOP_P: Final = 0.01  # zero is refused


class MistralRequest:
    """One request, while it is being written. `body` and `lost` are what comes of it."""

    def __init__(self, chat: Chat, talk: Dialogue, call: Call, to: Destination) -> None:
        self._chat = chat
        self._names = tool_names(names_in(chat), WORD)
        self._thinks = to.traits.thinking != "none" or to.traits.thinks_unasked
        self._forced_tools = to.traits.forced_tools
        self._told_to_think = to.traits.thinking != "none"
        self.lost = lost_at_once(chat, to)
        self.body: dict[str, Any] = {"model": to.model, "messages": self._messages(talk)}
        if call.stream:
            self.body["stream"] = True
        self._add_tools()
        self._add_sampling()
        self._add_format()
        self._add_effort()
        self._add_passed(passed_on(call, chat.asked, PASSED))

    # --- messages ----------------------------------------------------------------------------------------------------

    def _messages(self, talk: Dialogue) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = []
        if talk.system:
            texts = tuple(part for part in talk.system if isinstance(part, Text))
            if len(texts) < len(talk.system):
                self.lost.add(loss_names.CONTENT)
            said.append({"role": "system", "content": _content(texts)})
        for turn in talk.turns:
            said += self._assistant(turn) if turn.role == "assistant" else self._user(turn)
        if talk.prefilled:
            said[-1]["prefix"] = True
        return said

    def _user(self, turn: Said) -> list[dict[str, Any]]:
        said = [self._result(result) for result in turn.results]
        if said and turn.parts:
            said.append({"role": "assistant", "content": BRIDGE})
        if turn.parts:
            said.append({"role": "user", "content": _content(turn.parts)})
        return said

    def _result(self, result: Result) -> dict[str, Any]:
        return {
            "role": "tool",
            "tool_call_id": fitted(result.call_id, MISTRAL_ID),
            "name": self._names.told(result.name),
            "content": _content(result.parts),
        }

    def _assistant(self, turn: Said) -> list[dict[str, Any]]:
        thoughts = [_thinking(one) for one in turn.thoughts if self._thinks and one.origin == ORIGIN and one.text]
        content = _content(turn.parts)
        if thoughts:
            content = [*thoughts, *([{"type": "text", "text": content}] if isinstance(content, str) else content)]
        said: dict[str, Any] = {"role": "assistant", "content": content}
        if turn.calls:
            said["tool_calls"] = [self._call(call) for call in turn.calls]
        return [said]

    def _call(self, call: ToolCall) -> dict[str, Any]:
        arguments, broken = shapes.arguments_of(call)
        if broken:
            self.lost.add(loss_names.ARGUMENTS)
        function = {"name": self._names.told(call.name), "arguments": shapes.arguments_text(arguments)}
        return {"id": fitted(call.id, MISTRAL_ID), "type": "function", "function": function}

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _add_tools(self) -> None:
        choice = self._chat.choice
        offered = self._chat.tools
        if choice is not None and choice.names and (len(choice.names) > 1 or choice.kind == "auto"):
            offered = tuple(one for one in offered if one.name in choice.names) or offered
        if not offered:
            return
        self.body["tools"] = [_tool(one, self._names) for one in offered]
        if choice is not None and choice.kind == "required" and not self._forced_tools:
            self.lost.add("tool_choice")
        elif choice is not None:
            self.body["tool_choice"] = _choice(choice.kind, choice.names, self._names)
        if self._chat.parallel_tool_calls is not None:
            self.body["parallel_tool_calls"] = self._chat.parallel_tool_calls

    def _add_sampling(self) -> None:
        chat = self._chat
        heat = chat.temperature
        if heat is not None and heat > HOTTEST:
            self.lost.add("temperature")
            heat = HOTTEST
        # With temperature 0 any other top_p than 1 is refused, and means nothing.
        top_p = None if heat == 0 or chat.top_p is None else max(chat.top_p, _COLDEST_TOP_P)
        told = {
            "max_tokens": chat.max_tokens,
            "temperature": heat,
            "top_p": top_p,
            "top_k": chat.top_k,
            "random_seed": None if chat.seed is None else chat.seed % _SEEDS,
            "n": chat.n if chat.n > 1 else None,
            "stop": list(chat.stop) or None,
            "frequency_penalty": chat.frequency_penalty,
            "presence_penalty": chat.presence_penalty,
            "logprobs": chat.logprobs or None,
            "top_logprobs": chat.top_logprobs if chat.logprobs else None,
        }
        self.body |= {key: value for key, value in told.items() if value is not None}

    def _add_format(self) -> None:
        wanted = self._chat.format
        if wanted is None or wanted.kind == "text":
            return
        self.body["response_format"] = {"type": wanted.kind}
        if wanted.kind == "json_schema":
            schema: dict[str, Any] = {"name": wanted.name, "schema": wanted.schema or {}}
            if wanted.description is not None:
                schema["description"] = wanted.description
            if wanted.strict is not None:
                schema["strict"] = wanted.strict
            self.body["response_format"]["json_schema"] = schema

    def _add_effort(self) -> None:
        """It thinks or it does not: the models that can be told take `high` and `none`."""
        effort = self._chat.reasoning_effort or ("high" if self._chat.thinking_budget else None)
        if effort is None or not self._told_to_think:
            return
        self.body["reasoning_effort"] = "none" if effort == "none" else "high"
        if effort not in ("none", "high") or self._chat.thinking_budget:
            self.lost.add(loss_names.EFFORT)

    def _add_passed(self, passed: dict[str, Any]) -> None:
        """Two of them have values that only OpenAI knows."""
        if "service_tier" in passed and passed["service_tier"] not in TIERS:
            del passed["service_tier"]
            self.lost.add("service_tier")
        if "prediction" in passed and not text(passed["prediction"], "content"):
            del passed["prediction"]  # it only makes the answer faster, but it was asked for
            self.lost.add("prediction")
        self.body |= {key: value for key, value in passed.items() if key not in self.body}


def _content(parts: tuple[Part, ...]) -> Any:
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [_chunk(part) for part in parts]


def _chunk(part: Part) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Image():
            return shapes.image(part)
        case Audio():
            return {"type": "input_audio", "input_audio": part.data}
        case File():
            return _document(part)


def _document(part: File) -> dict[str, Any]:
    if part.id is not None:
        return {"type": "file", "file_id": part.id}
    chunk = {"type": "document_url", "document_url": part.url or shapes.data_url(part.media_type, part.data)}
    return chunk if part.name is None else {**chunk, "document_name": part.name}


def _thinking(thought: Thought) -> dict[str, Any]:
    chunk: dict[str, Any] = {"type": "thinking", "thinking": [{"type": "text", "text": thought.text}]}
    return chunk if thought.signature is None else {**chunk, "signature": thought.signature}


def _tool(offered: Tool, names: ToolNames) -> dict[str, Any]:
    return shapes.tool(offered, names.told(offered.name), strict=True)


def _choice(kind: str, chosen: tuple[str, ...], names: ToolNames) -> Any:
    if kind == "required" and len(chosen) == 1:
        return {"type": "function", "function": {"name": names.told(chosen[0])}}
    return "any" if kind == "required" else kind
