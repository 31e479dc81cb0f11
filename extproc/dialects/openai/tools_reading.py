"""The tools of a chat request in the OpenAI dialect, and which of them may be called.

Law: `functions` and `function_call`, the words of old, mean the same as those of today.
"""

from collections.abc import Mapping
from typing import Any

from extproc.dialects.openai.chat import Choice, Tool
from extproc.dialects.openai.given import Given, schema_of
from extproc.dialects.openai.parts import Wrong, cache_hint, text_of


def tools_of(given: Given) -> tuple[Tool, ...]:
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
        parameters=schema_of(function.get("parameters"), f"{place}.parameters"),
        strict=strict if isinstance(strict, bool) else None,
        cache=cache_hint(holder) or cache_hint(function),
    )


def choice_of(given: Given) -> Choice | None:
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
    if not isinstance(tools, list):
        raise Wrong("tool_choice.allowed_tools", "an object with `mode` and `tools`")
    functions = [tool.get("function") if isinstance(tool, dict) else None for tool in tools]
    named = tuple(
        function["name"]
        for function in functions
        if isinstance(function, dict) and isinstance(function.get("name"), str)
    )
    if not named:
        raise Wrong("tool_choice.allowed_tools", "an object with `mode` and `tools`")
    return Choice("required" if value.get("mode") == "required" else "auto", named)
