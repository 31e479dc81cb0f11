"""A chat request of the OpenAI dialect, said to Ollama's own API.

Law: a message is a message: the model's template has its own opinion of order. Content is one text, pictures are bare
base64, arguments are objects, calls have no ids, so a result says the name of its tool. `stream` is always said, since
it is true where it is not. What the caller says in OpenAI's words counts before what he says in `options`.
"""

from collections.abc import Sequence
from typing import Any, Final

from extproc.dialects.ollama import ORIGIN, is_keep_alive, options
from extproc.dialects.openai import shapes
from extproc.dialects.openai.chat import Chat, Image, Part, Text, ToolCall, Turn
from extproc.refusal import Reason, Refusal
from extproc.translation import loss_names
from extproc.translation.chat_asked import lost_at_once, passed_on
from extproc.translation.pair import Call, Destination

_PASSED: Final = frozenset({"keep_alive", "options"})
_BETWEEN: Final = "\n"  # parts of one message
_LEVELS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_URL_SAFE: Final = str.maketrans("-_", "+/")


def untakeable(chat: Chat) -> Refusal | None:
    """Links, files and sounds have no place there, and an answer without them is none."""
    for turn in chat.turns:
        for index, part in enumerate(turn.parts):
            what = _why_not(part)
            if what is not None:
                place = f"messages[{turn.place}].content[{index}]"
                return Refusal(Reason.UNSUPPORTED_PARAMETER, f"`{place}` {what}", place)
    return None


def _why_not(part: Part) -> str | None:
    if isinstance(part, Image):
        linked = part.url is not None
        return "is a link to an image: Ollama takes images by their bytes, as a data URL." if linked else None
    return None if isinstance(part, Text) else "is a file or audio: Ollama takes text and images."


class OllamaRequest:
    """One request, while it is being written. `body` and `lost` are what comes of it."""

    def __init__(self, chat: Chat, call: Call, to: Destination) -> None:
        self._chat = chat
        self._traits = to.traits
        self.lost = lost_at_once(chat, to)
        self._tool_of: dict[str, str] = {}  # by the id of a call: the latest counts
        self.body: dict[str, Any] = {"model": to.model, "messages": self._messages(), "stream": call.stream}
        self._add_tools()
        self._add_format()
        self._add_thinking()
        if chat.logprobs:
            self.body["logprobs"] = True
            self.body |= {} if chat.top_logprobs is None else {"top_logprobs": chat.top_logprobs}
        self._add_options(passed_on(call, chat.asked, _PASSED))

    # --- messages ----------------------------------------------------------------------------------------------------

    def _messages(self) -> list[dict[str, Any]]:
        return [self._message(turn) for turn in _in_order(self._chat.turns)]

    def _message(self, turn: Turn) -> dict[str, Any]:
        texts = [part.text for part in turn.parts if isinstance(part, Text)]
        said: dict[str, Any] = {"role": turn.role, "content": _BETWEEN.join(texts)}
        images = [_base64(part.data) for part in turn.parts if isinstance(part, Image)]
        if images:
            said["images"] = images
        if turn.role == "tool":
            name = self._tool_of.get(turn.call_id or "") or turn.name
            said |= {} if name is None else {"tool_name": name}
        thoughts = "".join(one.text for one in turn.thoughts if one.origin == ORIGIN)
        if thoughts:
            said["thinking"] = thoughts
        if turn.calls:
            said["tool_calls"] = [self._call(call) for call in turn.calls]
        return said

    def _call(self, call: ToolCall) -> dict[str, Any]:
        self._tool_of[call.id] = call.name
        arguments, broken = shapes.arguments_of(call)
        if broken:
            self.lost.add(loss_names.ARGUMENTS)
        return {"function": {"name": call.name, "arguments": arguments}}

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _add_tools(self) -> None:
        """It cannot be told to call one, but it calls none that it does not know of."""
        choice = self._chat.choice
        offered = self._chat.tools
        if choice is not None and choice.kind == "none":
            self.lost.discard("tool_choice")
            return
        if choice is not None and choice.names:
            offered = tuple(one for one in offered if one.name in choice.names) or offered
            if choice.kind == "auto":
                self.lost.discard("tool_choice")
        if offered:
            self.body["tools"] = [shapes.tool(one) for one in offered]

    def _add_format(self) -> None:
        wanted = self._chat.format
        if wanted is not None and wanted.kind != "text":
            self.body["format"] = "json" if wanted.kind == "json_object" else wanted.schema or {}

    def _add_thinking(self) -> None:
        """Models that always think are told how much; the others only whether."""
        effort = self._chat.reasoning_effort or ("high" if self._chat.thinking_budget else None)
        if effort == "none":
            self.body["think"] = False
            if "none" not in self._traits.efforts and self._traits.thinks_unasked:
                self.lost.add(loss_names.EFFORT)
        elif effort is not None and self._traits.thinking != "none":
            by_level = "none" not in self._traits.efforts
            self.body["think"] = _LEVELS[effort] if by_level else True
            exact = effort == _LEVELS[effort] if by_level else effort in ("medium", "high")
            if not exact or self._chat.thinking_budget:
                self.lost.add(loss_names.EFFORT)

    def _add_options(self, passed: dict[str, Any]) -> None:
        chat = self._chat
        told = {
            "temperature": chat.temperature,
            "top_p": chat.top_p,
            "top_k": chat.top_k,
            "seed": chat.seed,
            "stop": list(chat.stop) or None,
            "num_predict": chat.max_tokens,
            "frequency_penalty": chat.frequency_penalty,
            "presence_penalty": chat.presence_penalty,
        }
        own, lost = options(passed.get("options"))
        chosen = own | {key: value for key, value in told.items() if value is not None}
        if chosen:
            self.body["options"] = chosen
        self.lost |= lost
        if "keep_alive" in passed:
            if is_keep_alive(passed["keep_alive"]):
                self.body["keep_alive"] = passed["keep_alive"]
            else:
                self.lost.add("keep_alive")


def _in_order(turns: Sequence[Turn]) -> list[Turn]:
    """Results in the order of the calls before them: nothing else tells apart those of two calls of one tool."""
    ordered: list[Turn] = []
    results: list[Turn] = []
    places: dict[str | None, int] = {}  # of the calls of the last turn that had any

    def place(turn: Turn) -> int:
        return places.get(turn.call_id, len(places))

    for turn in turns:
        if turn.role == "tool":
            results.append(turn)
            continue
        ordered += sorted(results, key=place)
        ordered.append(turn)
        results = []
        if turn.calls:
            places = {call.id: index for index, call in enumerate(turn.calls)}
    return ordered + sorted(results, key=place)


def _base64(data: str) -> str:
    """In the one form that Go's decoder takes: with its own letters, and filled up."""
    bare = data.translate(_URL_SAFE).rstrip("=")
    return bare + "=" * (-len(bare) % 4)
