"""Requests to generateContent, of Google's AI Studio and of Vertex: google-genai's models, and the services' rules.

Law: an unknown value of an enumeration, which the models only warn of, is wrong.
"""

import re
import warnings
from collections.abc import Iterator
from typing import Any

from google.genai import types
from pydantic import BaseModel, ConfigDict, ValidationError

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
MOST_STOPS = 5


class Request(BaseModel):
    """The body as REST has it; the SDK knows only its parts."""

    model_config = ConfigDict(extra="forbid")
    contents: list[types.Content]
    systemInstruction: types.Content | None = None
    tools: list[types.Tool] | None = None
    toolConfig: types.ToolConfig | None = None
    safetySettings: list[types.SafetySetting] | None = None
    generationConfig: types.GenerationConfig | None = None
    cachedContent: str | None = None
    labels: dict[str, str] | None = None
    serviceTier: types.ServiceTier | None = None


def request_problems(body: Any, on_vertex: bool) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            Request.model_validate(body)
        except ValidationError as error:
            yield from (f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in error.errors())
            return
        except UserWarning as warning:
            yield str(warning)
            return
    if snake := _snake_keys(body):
        yield f"keys that REST spells in camelCase: {snake}"
        return
    if body.get("labels") and not on_vertex:
        yield "labels: Vertex alone takes them"
    if body.get("serviceTier") and on_vertex:
        yield "serviceTier: AI Studio alone takes it"
    yield from _contents(body["contents"])
    yield from _tools(body)
    yield from _generation(body.get("generationConfig", {}))


FREE = {"args", "response", "parametersJsonSchema", "responseJsonSchema", "labels", "properties"}


def _snake_keys(value: Any) -> list[str]:
    """The models take Python's spelling too; what we send must be REST's."""
    if isinstance(value, list):
        return [key for each in value for key in _snake_keys(each)]
    if not isinstance(value, dict):
        return []
    inside = [key for name, each in value.items() if name not in FREE for key in _snake_keys(each)]
    return [name for name in value if "_" in name.strip("_")] + inside


def _contents(contents: list[dict[str, Any]]) -> Iterator[str]:
    if not contents:
        yield "contents: empty"
    called: list[str] = []
    for index, content in enumerate(contents):
        where = f"contents[{index}]"
        if content.get("role") not in ("user", "model"):
            yield f"{where}: role {content.get('role')!r}"
        parts = content.get("parts") or []
        if not parts:
            yield f"{where}: no parts"
        for part in parts:
            yield from _part(part, where)
        results = [part["functionResponse"].get("name") for part in parts if "functionResponse" in part]
        if sorted(map(str, results)) != sorted(called):
            yield f"{where}: responses of {results} where the turn before calls {called}"
        called = [part["functionCall"]["name"] for part in parts if "functionCall" in part]
    if called:
        yield "contents: calls without responses"


def _part(part: dict[str, Any], where: str) -> Iterator[str]:
    kinds = part.keys() & {"text", "inlineData", "fileData", "functionCall", "functionResponse"}
    if len(kinds) != 1:
        yield f"{where}: a part of {sorted(kinds)}"
    if part.get("text", "-") == "":
        yield f"{where}: an empty text"
    for kind in ("inlineData", "fileData"):
        remembered = "/v1beta/files/" in part.get(kind, {}).get("fileUri", "")  # the kind it was uploaded as
        if kind in part and not remembered and not part[kind].get("mimeType"):
            yield f"{where}: {kind} without a mimeType"
    if "functionCall" in part and not NAME.fullmatch(part["functionCall"].get("name", "")):
        yield f"{where}: functionCall {part['functionCall'].get('name')!r}"


def _tools(body: dict[str, Any]) -> Iterator[str]:
    declared = [each for tool in body.get("tools", []) for each in tool.get("functionDeclarations", [])]
    names = [each["name"] for each in declared]
    if len(set(names)) < len(names):
        yield "tools: one name twice"
    for each in declared:
        if not NAME.fullmatch(each["name"]):
            yield f"tools: name {each['name']!r}"
        if "parameters" in each and "parametersJsonSchema" in each:
            yield "tools: parameters in two forms"
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
    if calling and not declared:
        yield "toolConfig: without tools"
    if set(calling.get("allowedFunctionNames", [])) - set(names):
        yield "toolConfig: allows what is not declared"
    if calling.get("allowedFunctionNames") and calling.get("mode") not in ("ANY", "VALIDATED"):
        yield "toolConfig: allowedFunctionNames go with ANY"


def _generation(config: dict[str, Any]) -> Iterator[str]:
    if len(config.get("stopSequences", [])) > MOST_STOPS or "" in config.get("stopSequences", []):
        yield "stopSequences: more than five, or an empty one"
    if not 0 <= config.get("temperature", 0) <= 2 or not 0 <= config.get("topP", 0) <= 1:
        yield "temperature or topP: out of range"
    if config.get("maxOutputTokens", 1) < 1:
        yield "maxOutputTokens: below 1"
    if "responseSchema" in config and "responseJsonSchema" in config:
        yield "a response schema in two forms"
    if config.keys() & {"responseSchema", "responseJsonSchema"} and "responseMimeType" not in config:
        yield "responseMimeType: missing beside a schema"
    if "logprobs" in config and not config.get("responseLogprobs"):
        yield "logprobs: without responseLogprobs"
    thinking = config.get("thinkingConfig", {})
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        yield "thinkingConfig: budget and level together"
