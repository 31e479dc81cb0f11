"""Pieces of a chat request in OpenAI's own shape, for the APIs that took it over.

Law: what the caller said is written again as it was meant: a tool without parameters takes none, arguments are always
an object.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from extproc.dialects.openai.chat import Image, Tool, ToolCall
from extproc.dialects.tolerant import decoded

_NO_PARAMETERS: Final[Mapping[str, Any]] = {"type": "object", "properties": {}}


def tool(offered: Tool, name: str | None = None, *, strict: bool = False) -> dict[str, Any]:
    """`strict`: the API takes the word."""
    function: dict[str, Any] = {"name": name or offered.name}
    if offered.description is not None:
        function["description"] = offered.description
    function["parameters"] = offered.parameters if offered.parameters is not None else _NO_PARAMETERS
    if strict and offered.strict is not None:
        function["strict"] = offered.strict
    return {"type": "function", "function": function}


def image(part: Image) -> dict[str, Any]:
    holder: dict[str, Any] = {"url": part.url if part.url is not None else data_url(part.media_type, part.data)}
    if part.detail in ("auto", "low", "high"):
        holder["detail"] = part.detail
    return {"type": "image_url", "image_url": holder}


def data_url(media_type: str, data: str) -> str:
    return f"data:{media_type};base64,{data}"


def arguments_of(call: ToolCall) -> tuple[Mapping[str, Any], bool]:
    """The object; whether something was written that is none."""
    found = decoded(call.arguments) if call.arguments.strip() else {}
    return (found, False) if isinstance(found, dict) else ({}, found is not None or call.arguments.strip() != "null")


def arguments_text(told: object) -> str:
    """A provider's arguments, text or object, as the text that callers read."""
    if isinstance(told, str):
        return told if told.strip() else "{}"
    return msgspec.json.encode(told).decode() if isinstance(told, Mapping) else "{}"
