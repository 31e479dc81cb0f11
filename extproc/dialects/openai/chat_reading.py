"""The body of a chat request in the OpenAI dialect → Chat.

Law: what cannot be meant is told by its place (`messages[2].content[0].image_url`); what is merely unusual is taken as
OpenAI takes it. Nothing of a prompt stands in an error.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from extproc.dialects.efforts import EFFORTS
from extproc.dialects.json_edit import members
from extproc.dialects.openai.chat import (
    AnswerFormat,
    Chat,
    Thought,
    ToolCall,
    Turn,
)
from extproc.dialects.openai.features import asked_for
from extproc.dialects.openai.given import Given, schema_of
from extproc.dialects.openai.parts import Wrong, cache_hint, parts_of, text_of
from extproc.dialects.openai.request import WrongField
from extproc.dialects.openai.tools_reading import choice_of, tools_of

_ROLES: Final = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


def read_chat(body: bytes) -> Chat:
    """Raises NotAnObject and WrongField."""
    raws = {member.key: member.raw for member in members(body)}
    given = Given(raws)
    try:
        return Chat(
            turns=_turns(given),
            tools=tools_of(given),
            choice=choice_of(given),
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


# --- messages --------------------------------------------------------------------------------------------------------


def _turns(given: Given) -> tuple[Turn, ...]:
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
    if role == "assistant" and not parts:  # an answer that came back: what it said was no
        parts = parts_of(text_of(message.get("refusal"), f"{place}.refusal"), place, role)
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


# --- the rest --------------------------------------------------------------------------------------------------------


def _format(given: Given) -> AnswerFormat | None:
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
        schema_of(inside.get("schema"), "response_format.json_schema.schema") or {},
        strict if isinstance(strict, bool) else None,
        text_of(inside.get("description"), "response_format.json_schema.description"),
    )


def _stop(given: Given) -> tuple[str, ...]:
    value = given.get("stop")
    listed = [value] if isinstance(value, str) else value
    if listed is None:
        return ()
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise Wrong("stop", "a string or a list of strings")
    return tuple(one for one in listed if one)


def _effort(given: Given) -> str | None:
    reasoning = given.mapping("reasoning") or {}
    effort = given.get("reasoning_effort") or reasoning.get("effort")
    if effort is None:
        return "none" if (given.mapping("thinking") or {}).get("type") == "disabled" else None
    if effort not in EFFORTS:
        raise Wrong("reasoning_effort", f"one of {', '.join(EFFORTS)}")
    return str(effort)


def _budget(given: Given) -> int | None:
    places = (("thinking", "budget_tokens"), ("reasoning", "max_tokens"))
    for holder, key in places:
        budget = (given.mapping(holder) or {}).get(key)
        if isinstance(budget, int) and not isinstance(budget, bool) and budget > 0:
            return budget
    return None
