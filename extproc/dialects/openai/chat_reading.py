"""The body of a chat request in the OpenAI dialect → Chat.

Law: what cannot be meant is told by its place (`messages[2].content[0].image_url`); what is merely unusual is taken as
OpenAI takes it. Nothing of a prompt stands in an error.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from extproc.dialects.json_edit import members
from extproc.dialects.openai.chat import (
    AnswerFormat,
    CacheHint,
    Chat,
    Choice,
    Schema,
    Thought,
    Tool,
    ToolCall,
    Turn,
)
from extproc.dialects.openai.features import asked_for
from extproc.dialects.openai.parts import Wrong, parts_of, text_of
from extproc.dialects.openai.request import WrongField

_ROLES: Final = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_TOO_LARGE: Final = 2**63  # for every setting there is, and for most readers of JSON
_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def read_chat(body: bytes) -> Chat:
    """Raises NotAnObject and WrongField."""
    raws = {member.key: member.raw for member in members(body)}
    given = _Given(raws)
    try:
        return Chat(
            turns=_turns(given),
            tools=_tools(given),
            choice=_choice(given),
            parallel_tool_calls=given.flag("parallel_tool_calls"),
            format=_format(given),
            stop=_stop(given),
            max_tokens=given.count("max_completion_tokens") or given.count("max_tokens"),
            temperature=given.number("temperature"),
            top_p=given.number("top_p"),
            top_k=given.count("top_k"),
            seed=given.whole("seed"),
            n=given.count("n") or 1,
            logprobs=given.flag("logprobs") or False,
            top_logprobs=given.count("top_logprobs"),
            frequency_penalty=given.number("frequency_penalty"),
            presence_penalty=given.number("presence_penalty"),
            reasoning_effort=_effort(given),
            thinking_budget=_budget(given),
            user=given.text("user"),
            asked=asked_for(raws),
        )
    except Wrong as error:
        raise WrongField(error.place, error.expected) from None


class _Given:
    """The members, decoded when they are looked at."""

    def __init__(self, raws: Mapping[str, msgspec.Raw]) -> None:
        self._raws = raws

    def get(self, key: str) -> Any:
        if key not in self._raws:
            return None
        try:
            return msgspec.json.decode(self._raws[key])
        except (ValueError, RecursionError):
            raise Wrong(key, "valid JSON that is not nested too deeply") from None

    def text(self, key: str) -> str | None:
        value = self.get(key)
        if value is not None and not isinstance(value, str):
            raise Wrong(key, "a string")
        return value or None

    def flag(self, key: str) -> bool | None:
        value = self.get(key)
        if value is not None and not isinstance(value, bool):
            raise Wrong(key, "true or false")
        return value

    def number(self, key: str) -> float | None:
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < _TOO_LARGE:
            raise Wrong(key, "a number")
        return value

    def whole(self, key: str) -> int | None:
        value = self.number(key)
        if value is not None and value != int(value):
            raise Wrong(key, "a whole number")
        return None if value is None else int(value)

    def count(self, key: str) -> int | None:
        """None too for zero and less: some programs write «no cap» so."""
        value = self.whole(key)
        return value if value is not None and value > 0 else None

    def mapping(self, key: str) -> Mapping[str, Any] | None:
        value = self.get(key)
        if value is not None and not isinstance(value, dict):
            raise Wrong(key, "an object")
        return value

    def listed(self, key: str) -> list[Any]:
        value = self.get(key)
        if value is not None and not isinstance(value, list):
            raise Wrong(key, "a list")
        return value or []


# --- messages --------------------------------------------------------------------------------------------------------


def _turns(given: _Given) -> tuple[Turn, ...]:
    written = given.listed("messages")
    if not written:
        raise Wrong("messages", "a list with at least one message")
    return tuple(_turn(message, place) for place, message in enumerate(written))


def _turn(message: Any, index: int) -> Turn:
    place = f"messages[{index}]"
    if not isinstance(message, dict):
        raise Wrong(place, "an object")
    written = message.get("role")
    role = _ROLES.get(written) if isinstance(written, str) else None
    if role is None:
        raise Wrong(f"{place}.role", f"one of {', '.join(_ROLES)}")
    parts = parts_of(message.get("content"), f"{place}.content", role)
    assistant, tool = role == "assistant", role == "tool"
    name = text_of(message.get("name"), f"{place}.name")
    call_id = text_of(message.get("tool_call_id"), f"{place}.tool_call_id") if tool else None
    if tool and call_id is None and written == "function":
        call_id = name
    if tool and call_id is None:
        raise Wrong(f"{place}.tool_call_id", "the id of the call that it answers")
    return Turn(
        role=role,  # type: ignore[arg-type]  # values of _ROLES
        place=index,
        parts=parts,
        calls=_calls(message, place) if assistant else (),
        call_id=call_id,
        name=name,
        thoughts=_thoughts(message) if assistant else (),
        cache=cache_hint(message),
    )


def _calls(message: Mapping[str, Any], place: str) -> tuple[ToolCall, ...]:
    written = message.get("tool_calls")
    old = message.get("function_call")
    if written is None and isinstance(old, dict):
        return (_call({"id": old.get("name"), "function": old}, f"{place}.function_call"),)
    if written is None:
        return ()
    if not isinstance(written, list):
        raise Wrong(f"{place}.tool_calls", "a list")
    return tuple(_call(call, f"{place}.tool_calls[{index}]") for index, call in enumerate(written))


def _call(call: Any, place: str) -> ToolCall:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise Wrong(place, "an object with a `function`")
    name = text_of(function.get("name"), f"{place}.function.name")
    id_ = text_of(call.get("id"), f"{place}.id")
    if not name or not id_:
        raise Wrong(place, "an object with an `id` and a `function.name`")
    arguments = function.get("arguments")
    if isinstance(arguments, dict):  # some programs send the object itself
        arguments = msgspec.json.encode(arguments).decode()
    if arguments is not None and not isinstance(arguments, str):
        raise Wrong(f"{place}.function.arguments", "a string of JSON")
    return ToolCall(id_, name, arguments or "", _signature(call))


def _signature(call: Mapping[str, Any]) -> str | None:
    value: Any = call.get("extra_content")
    for key in ("google", "thought_signature"):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value else None


def _thoughts(message: Mapping[str, Any]) -> tuple[Thought, ...]:
    """Tolerant: what is not of our own making is no reason to refuse a conversation."""
    details = message.get("reasoning_details")
    if not isinstance(details, list):
        return ()
    return tuple(_thought(detail) for detail in details if isinstance(detail, dict))


def _thought(detail: Mapping[str, Any]) -> Thought:
    def told(key: str) -> str | None:
        value = detail.get(key)
        return value if isinstance(value, str) and value else None

    return Thought(told("text") or told("summary") or "", told("signature"), told("data"), told("format"))


def cache_hint(holder: Mapping[str, Any]) -> CacheHint | None:
    written = holder.get("cache_control")
    if not isinstance(written, dict):
        return None
    ttl = written.get("ttl")
    return CacheHint(ttl if isinstance(ttl, str) else None)


# --- tools -----------------------------------------------------------------------------------------------------------


def _tools(given: _Given) -> tuple[Tool, ...]:
    tools = [_tool(tool, f"tools[{index}]") for index, tool in enumerate(given.listed("tools"))]
    tools += [
        _function(function, f"functions[{index}]", {}) for index, function in enumerate(given.listed("functions"))
    ]
    return tuple(tools)


def _tool(tool: Any, place: str) -> Tool:
    if not isinstance(tool, dict) or tool.get("type", "function") != "function":
        raise Wrong(f"{place}.type", "`function`: no other kind of tool can be sent to every provider")
    return _function(tool.get("function"), f"{place}.function", tool)


def _function(function: Any, place: str, holder: Mapping[str, Any]) -> Tool:
    if not isinstance(function, dict):
        raise Wrong(place, "an object")
    name = text_of(function.get("name"), f"{place}.name")
    if not name:
        raise Wrong(f"{place}.name", "a name")
    strict = function.get("strict")
    return Tool(
        name=name,
        description=text_of(function.get("description"), f"{place}.description"),
        parameters=_schema(function.get("parameters"), f"{place}.parameters"),
        strict=strict if isinstance(strict, bool) else None,
        cache=cache_hint(holder) or cache_hint(function),
    )


def _choice(given: _Given) -> Choice | None:
    value = given.get("tool_choice")
    if value is None:
        value = given.get("function_call")
        if isinstance(value, dict):
            value = {"function": value}
    if value is None:
        return None
    if isinstance(value, str) and value in ("auto", "none", "required", "any"):
        return Choice("required" if value == "any" else value)  # type: ignore[arg-type]
    if isinstance(value, dict):
        if value.get("type") == "allowed_tools":
            return _allowed(value.get("allowed_tools", value))
        name = (value.get("function") or {}).get("name") if isinstance(value.get("function"), dict) else None
        if isinstance(name, str) and name:
            return Choice("required", (name,))
    raise Wrong("tool_choice", "auto, none, required or {type: function, function: {name}}")


def _allowed(value: Any) -> Choice:
    tools = value.get("tools") if isinstance(value, dict) else None
    functions = [tool.get("function") if isinstance(tool, dict) else None for tool in tools or []]
    named = tuple(
        function["name"]
        for function in functions
        if isinstance(function, dict) and isinstance(function.get("name"), str)
    )
    if not named:
        raise Wrong("tool_choice.allowed_tools", "an object with `mode` and `tools`")
    return Choice("required" if value.get("mode") == "required" else "auto", named)


# --- the rest --------------------------------------------------------------------------------------------------------


def _format(given: _Given) -> AnswerFormat | None:
    written = given.mapping("response_format")
    if written is None:
        return None
    kind = written.get("type")
    if kind == "text" or kind == "json_object":
        return AnswerFormat(kind)
    if kind != "json_schema":
        raise Wrong("response_format.type", "text, json_object or json_schema")
    inside = written.get("json_schema")
    if not isinstance(inside, dict):
        raise Wrong("response_format.json_schema", "an object with `name` and `schema`")
    strict = inside.get("strict")
    return AnswerFormat(
        "json_schema",
        text_of(inside.get("name"), "response_format.json_schema.name") or "answer",
        _schema(inside.get("schema"), "response_format.json_schema.schema") or {},
        strict if isinstance(strict, bool) else None,
        text_of(inside.get("description"), "response_format.json_schema.description"),
    )


def _schema(value: Any, place: str) -> Schema | None:
    if value is not None and not isinstance(value, dict):
        raise Wrong(place, "a JSON Schema, an object")
    return value


def _stop(given: _Given) -> tuple[str, ...]:
    value = given.get("stop")
    listed = [value] if isinstance(value, str) else value
    if listed is None:
        return ()
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise Wrong("stop", "a string or a list of strings")
    return tuple(one for one in listed if one)


def _effort(given: _Given) -> str | None:
    reasoning = given.mapping("reasoning") or {}
    effort = given.get("reasoning_effort") or reasoning.get("effort")
    if effort is None:
        return "none" if (given.mapping("thinking") or {}).get("type") == "disabled" else None
    if effort not in _EFFORTS:
        raise Wrong("reasoning_effort", f"one of {', '.join(_EFFORTS)}")
    return str(effort)


def _budget(given: _Given) -> int | None:
    places = (("thinking", "budget_tokens"), ("reasoning", "max_tokens"))
    for holder, key in places:
        budget = (given.mapping(holder) or {}).get(key)
        if isinstance(budget, int) and not isinstance(budget, bool) and budget > 0:
            return budget
    return None
